package inside

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// containerAttacks are those on what keeps a container apart.
func containerAttacks() map[string]attack {
	return map[string]attack{
		"nothing":   func([]string) (any, error) { return struct{}{}, nil },
		"identity":  identity,
		"ids":       func([]string) (any, error) { return ids(), nil },
		"setuid":    setuid,
		"calls":     calls,
		"workload":  workload,
		"forks":     forks,
		"memory":    memory,
		"ulimits":   ulimits,
		"flood":     flood,
		"write":     write,
		"fill":      fill,
		"sockets":   sockets,
		"hostfiles": hostFiles,
	}
}

// word is an error as a word: the name of the system's error, or "ok".
func word(err error) string {
	var e unix.Errno
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &e):
		return err.Error()
	case e == 0:
		return "ok"
	}
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return strconv.Itoa(int(e))
}

// number is the argument at i, within bounds.
func number(args []string, i, most int) (int, error) {
	if i >= len(args) {
		return 0, errors.New("a number is missing")
	}
	n, err := strconv.Atoi(args[i])
	if err != nil || n < 1 || n > most {
		return 0, errors.New("a number from 1 to " + strconv.Itoa(most) + " is wanted")
	}
	return n, nil
}

// lookAtMe is how long a process stays for the host to look at it.
const lookAtMe = 30 * time.Second

// identity makes a file and tells the mapping of user ids; then it stays until it
// is ended.
func identity(args []string) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("a file is wanted")
	}
	f, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	mapping, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return nil, err
	}
	report := map[string]any{"uid": os.Getuid(), "map": string(mapping)}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return nil, err
	}
	time.Sleep(lookAtMe)
	return report, nil
}

func ids() any {
	nnp, _ := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return map[string]int{"uid": os.Getuid(), "euid": os.Geteuid(), "no_new_privs": nnp}
}

// setuid becomes a program that is setuid root, which tells its ids.
func setuid(args []string) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("a program is wanted")
	}
	err := unix.Exec(args[0], []string{"bulwark", "inside", "ids"}, nil)
	return nil, &os.PathError{Op: "exec", Path: args[0], Err: err}
}
