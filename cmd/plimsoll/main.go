// Command plimsoll makes container images production-ready and proves it.
package main

import (
	"context"
	"io"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/cli"
	"github.com/plimsoll/plimsoll/internal/rules"
)

func main() {
	// Inside a container this binary is the helper that measures, and nothing else of it may run.
	if len(os.Args) > 1 && os.Args[1] == agent.Command {
		os.Exit(agent.Main(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	logrus.SetOutput(io.Discard) // of libraries, which warn of what plimsoll tells itself
	command := cli.Command{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ(),
		Version:   cli.BuildVersion(),
		Pipelines: cli.Pipelines{Check: app.Check, Fix: app.Fix, Prove: app.Prove, Replay: app.Replay, Inspect: app.Inspect, Doctor: app.Doctor, Rules: rules.All},
	}
	os.Exit(command.Main(context.Background(), os.Args[1:]))
}
