package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// printTree describes every file below dir but those of bulwark's own state.
func printTree(ts *testscript.TestScript, dir string) map[string]string {
	root := ts.MkAbs(dir)
	prints := map[string]string{}
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if rel == "etc/.pwd.lock" { // lckpwdf(3) leaves its file for the next one
			return nil
		}
		if rel == "var/lib/bulwark" {
			return filepath.SkipDir
		}
		print, err := printFile(path, d)
		prints[rel] = print
		return err
	}))
	return prints
}

func printFile(path string, d fs.DirEntry) (string, error) {
	fi, err := d.Info()
	if err != nil {
		return "", err
	}
	owner := fi.Sys().(*syscall.Stat_t)
	print := fmt.Sprintf("%s %d:%d", fi.Mode(), owner.Uid, owner.Gid)
	if !fi.Mode().IsRegular() {
		return print, nil
	}
	b, err := os.ReadFile(path)
	return fmt.Sprintf("%s %s %s", print, fi.ModTime(), b), err
}
