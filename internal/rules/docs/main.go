// Command docs writes one page for each rule, and an index, into docs/rules.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/plimsoll/plimsoll/internal/rules"
)

// The folder as seen from internal/rules, where go generate runs this command.
const folder = "../../docs/rules"

func main() {
	if err := write(folder, pages(rules.All())); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

// write replaces the pages of a folder; those of rules that are gone go too.
func write(dir string, pages map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if _, kept := pages[filepath.Base(name)]; !kept {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
