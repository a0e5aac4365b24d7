package edit

import udiff "github.com/aymanbagabas/go-udiff"

// Unified is the unified diff of two versions of a text, with three lines of
// context; empty when they are equal. A file that did not exist or no longer
// does shows as /dev/null: its name is given as "".
func Unified(oldName, newName, old, new string) string {
	return udiff.Unified(orNull(oldName), orNull(newName), old, new)
}

func orNull(name string) string {
	if name == "" {
		return "/dev/null"
	}
	return name
}
