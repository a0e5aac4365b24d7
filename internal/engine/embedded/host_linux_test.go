package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
)

func TestFindRunc(t *testing.T) {
	for name, c := range map[string]struct {
		script string // of a program called runc; empty: there is none
		wrong  string
	}{
		"one that can":     {"#!/bin/sh\necho '   --keep  do not delete'\n", ""},
		"none":             {"", "not installed"},
		"one too old":      {"#!/bin/sh\necho '   --bundle'\n", "too old"},
		"one that is torn": {"#!/bin/sh\nexit 3\n", "does not work"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.script != "" {
				if err := os.WriteFile(filepath.Join(dir, "runc"), []byte(c.script), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", dir)
			path, err := findRunc(t.Context())
			if c.wrong == "" {
				if err != nil || path != filepath.Join(dir, "runc") {
					t.Errorf("got %q, %v", path, err)
				}
				return
			}
			var missing *Missing
			if !errors.As(err, &missing) || !strings.Contains(missing.What, c.wrong) || missing.Remedy == "" {
				t.Errorf("got %v, want %q", err, c.wrong)
			}
		})
	}
}

func TestLeftOverMounts(t *testing.T) {
	const root = "/var/lib/state"
	for name, c := range map[string]struct {
		mount mountinfo.Info
		want  bool
	}{
		"below the root":             {mountinfo.Info{Mountpoint: root + "/runc-overlayfs/executor/x/rootfs"}, true},
		"the root itself":            {mountinfo.Info{Mountpoint: root}, false},
		"a root of a longer name":    {mountinfo.Info{Mountpoint: root + "2/x"}, false},
		"temporary, of this root":    {mountinfo.Info{Mountpoint: "/tmp/buildkit-mount12", VFSOptions: "rw,lowerdir=" + root + "/runc-overlayfs/snapshots/1/fs"}, true},
		"temporary, of another root": {mountinfo.Info{Mountpoint: "/tmp/buildkit-mount12", VFSOptions: "rw,lowerdir=/other/snapshots/1/fs"}, false},
		"temporary, one layer alone": {mountinfo.Info{Mountpoint: "/tmp/buildkit-mount12", Root: root + "/runc-overlayfs/snapshots/1/fs"}, true},
		"somebody's over this root":  {mountinfo.Info{Mountpoint: "/mnt/looking", VFSOptions: "lowerdir=" + root + "/x"}, false},
	} {
		if got := isLeftOver(&c.mount, root); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestLock(t *testing.T) {
	root := t.TempDir()
	first, err := tryLock(root)
	if err != nil {
		t.Fatal(err)
	}
	var locked *Locked
	if _, err := tryLock(root); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Errorf("got %v", err)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	second, err := tryLock(root)
	if err != nil {
		t.Fatal(err)
	}
	_ = second.release()
}

func TestLockOutlivesAllThatRefersToIt(t *testing.T) {
	root := t.TempDir()
	if _, err := tryLock(root); err != nil {
		t.Fatal(err)
	}
	runtime.GC() // a file that nothing refers to is closed after it
	runtime.GC()
	time.Sleep(50 * time.Millisecond)
	var locked *Locked
	if _, err := tryLock(root); !errors.As(err, &locked) {
		t.Errorf("the lock was lost: %v", err)
	}
}
