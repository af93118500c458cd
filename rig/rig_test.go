//go:build rig

// Package rig_test runs on a throw-away host, as root: each story starts from
// the host as it was provisioned, drives the real bulwark, docker and
// systemctl, and may leave anything behind. rig/run brings such a host up.
package rig_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// marker is written by provision.sh; these tests would wreck any other host.
const marker = "/run/bulwark-rig"

func TestMain(m *testing.M) {
	if _, err := os.Stat(marker); err != nil {
		fmt.Fprintf(os.Stderr, "refusing to run: this host is not a test rig (%v)\nhint: rig/run container\n", err)
		os.Exit(1)
	}
	flag.Parse()
	seeded()
	// testscript runs stories in parallel, but there is only one host.
	if err := flag.Set("test.parallel", "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestStories(t *testing.T) {
	cmds := proofCommands()
	maps.Copy(cmds, rulesCommands())
	maps.Copy(cmds, map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"statfile":       cmdStatfile,
		"samestat":       cmdSamestat,
		"saveinvocation": cmdSaveInvocation,
		"sameinvocation": cmdSameInvocation,
		"newinvocation":  cmdNewInvocation,
		"waitfor":        cmdWaitfor,
		"exitcode":       cmdExitcode,
		"resethost":      cmdResethost,
		"denied":         cmdDenied,
	})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/stories",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition:           condition,
		Cmds:                cmds,
	})
}
