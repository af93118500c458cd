package inside

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// workPatience is how long one piece of work may take: a program may wait for ever
// for a call that was refused.
const workPatience = 5 * time.Second

// workload does what ordinary programs do all day, and tells what failed.
func workload(args []string) (any, error) {
	if len(args) > 0 { // the child of childProcess
		_, err := io.Copy(os.Stdout, os.Stdin)
		return struct{}{}, err
	}
	out := map[string]string{}
	for name, do := range map[string]func() error{
		"files": fileWork, "threads": threadWork, "child process": childProcess,
		"tcp": tcpWork, "udp": udpWork, "signals": signalWork, "timers": timerWork, "memory": memoryWork,
	} {
		done := make(chan error, 1)
		go func() { done <- do() }()
		select {
		case err := <-done:
			out[name] = word(err)
		case <-time.After(workPatience):
			out[name] = "it does not end"
		}
	}
	return out, nil
}

func fileWork() error {
	dir, err := os.MkdirTemp("/tmp", "work")
	if err != nil {
		return err
	}
	a, b := dir+"/a", dir+"/b"
	text := []byte("work")
	err = errors.Join(
		os.WriteFile(a, text, 0o600), os.Rename(a, b), os.Chmod(b, 0o640), os.Symlink("b", a),
		os.Chtimes(b, time.Now(), time.Now()), os.Truncate(b, 4),
	)
	got, readErr := os.ReadFile(a)
	if !bytes.Equal(got, text) {
		readErr = errors.Join(readErr, errors.New("what was written is not what is read"))
	}
	return errors.Join(err, readErr, os.RemoveAll(dir))
}

func threadWork() error {
	ids := map[int]bool{}
	var mu sync.Mutex
	var ready, all sync.WaitGroup
	release := make(chan struct{})
	for range 8 {
		ready.Add(1)
		all.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			mu.Lock()
			ids[unix.Gettid()] = true
			mu.Unlock()
			ready.Done()
			<-release
		})
	}
	ready.Wait()
	close(release)
	all.Wait()
	if len(ids) != 8 {
		return fmt.Errorf("%d threads of 8", len(ids))
	}
	return nil
}

// childProcess runs this program again, with a pipe on both sides.
func childProcess() error {
	in, toChild, err := os.Pipe()
	if err != nil {
		return err
	}
	fromChild, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer fromChild.Close()
	p, err := os.StartProcess("/proc/self/exe", []string{"bulwark", "inside", "workload", "child"}, &os.ProcAttr{Files: []*os.File{in, out, os.Stderr}})
	in.Close()
	out.Close()
	if err != nil {
		toChild.Close()
		return err
	}
	_, err = toChild.WriteString("there and back ")
	toChild.Close()
	got, readErr := io.ReadAll(io.LimitReader(fromChild, 1000))
	_, waitErr := p.Wait()
	if !bytes.HasPrefix(got, []byte("there and back ")) {
		return errors.Join(errors.New("the child did not answer"), err, readErr, waitErr)
	}
	return errors.Join(err, readErr, waitErr)
}

func tcpWork() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = conn.Write([]byte("hello"))
			conn.Close()
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if err == nil && string(got) != "hello" {
		err = errors.New("the server did not answer")
	}
	return err
}

func udpWork() error {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer server.Close()
	client, err := net.Dial("udp", server.LocalAddr().String())
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := client.Write([]byte("hello")); err != nil {
		return err
	}
	_, _, err = server.ReadFrom(make([]byte, 10))
	return err
}

func signalWork() error {
	got := make(chan os.Signal, 1)
	signal.Notify(got, unix.SIGUSR1)
	defer signal.Stop(got)
	if err := unix.Kill(os.Getpid(), unix.SIGUSR1); err != nil {
		return err
	}
	<-got
	return nil
}

func timerWork() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	soon := unix.ItimerSpec{Value: unix.Timespec{Nsec: 1e6}}
	if err := unix.TimerfdSettime(fd, 0, &soon, nil); err != nil {
		return err
	}
	_, err = unix.Read(fd, make([]byte, 8))
	<-time.After(time.Millisecond)
	return err
}

func memoryWork() error {
	m, err := unix.Mmap(-1, 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	m[0] = 1
	return errors.Join(unix.Madvise(m, unix.MADV_WILLNEED), unix.Mprotect(m, unix.PROT_READ), unix.Munmap(m))
}
