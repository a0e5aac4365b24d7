package agent

// verbs maps each verb to what answers it.
func verbs() map[string]verb {
	return map[string]verb{
		VerbWait:      handle(wait),
		VerbAsk:       handle(ask),
		VerbExec:      handle(execute),
		VerbProcesses: handle(processes),
		VerbSockets:   handle(sockets),
		VerbKill:      handle(kill),
		VerbELF:       handle(checkELF),
		VerbWritable:  handle(writable),
		VerbChanged:   handle(changed),
		VerbEnv:       handle(envNames),
		VerbLoaded:    handle(loaded),
		VerbLacks:     handle(lacks),
		VerbTrace:     handle(trace),
		VerbLook:      handle(look),
	}
}
