//go:build linux && amd64

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func mapped(dir string) error {
	f, err := os.Create(dir + "/mapped")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(8192); err != nil {
		return err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	m[0] = 1
	return steps(
		step{"msync", func() error { return unix.Msync(m, unix.MS_SYNC) }},
		step{"madvise", func() error { return unix.Madvise(m, unix.MADV_WILLNEED) }},
		step{"mprotect", func() error { return unix.Mprotect(m, unix.PROT_READ) }},
		step{"mlock", func() error { return unix.Mlock(m[:4096]) }},
		step{"munlock", func() error { return unix.Munlock(m[:4096]) }},
		step{"munmap", func() error { return unix.Munmap(m) }},
	)
}

// kernelCopies moves data between descriptors without reading it.
func kernelCopies(dir string) error {
	data := bytes.Repeat([]byte("data"), 1000)
	if err := os.WriteFile(dir+"/from", data, 0o600); err != nil {
		return err
	}
	from, err := os.Open(dir + "/from")
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(dir + "/to")
	if err != nil {
		return err
	}
	defer to.Close()
	in, out := int(from.Fd()), int(to.Fd())
	var pipe [2]int
	var zero int64
	if err := steps(
		step{"sendfile", func() error { zero = 0; return moved(unix.Sendfile(out, in, &zero, 4000)) }},
		step{"copy_file_range", func() error { zero = 0; return moved(unix.CopyFileRange(in, &zero, out, nil, 4000, 0)) }},
		step{"pipe", func() error { return unix.Pipe2(pipe[:], unix.O_CLOEXEC) }},
		step{"splice in", func() error { zero = 0; return moved64(unix.Splice(in, &zero, pipe[1], nil, 4000, 0)) }},
		step{"splice out", func() error { return moved64(unix.Splice(pipe[0], nil, out, nil, 4000, 0)) }},
	); err != nil {
		return err
	}
	got, err := os.ReadFile(dir + "/to")
	if err != nil || !bytes.Equal(got, bytes.Repeat(data, 3)) {
		return fmt.Errorf("%d bytes arrived: %v", len(got), err)
	}
	return errors.Join(unix.Close(pipe[0]), unix.Close(pipe[1]))
}

func moved(n int, err error) error {
	if err == nil && n != 4000 {
		return fmt.Errorf("moved %d bytes", n)
	}
	return err
}

func moved64(n int64, err error) error { return moved(int(n), err) }

func watches(dir string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE); err != nil {
		return err
	}
	if err := os.WriteFile(dir+"/watched", nil, 0o600); err != nil {
		return err
	}
	_, err = unix.Read(fd, make([]byte, 4096))
	return err
}

// eventFDs waits for an eventfd, a memfd and a signalfd the way event loops do.
func eventFDs(string) error {
	event, err := unix.Eventfd(1, unix.EFD_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(event)
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(poll)
	ready := make([]unix.EpollEvent, 1)
	return steps(
		step{"epoll_ctl", func() error {
			return unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, event, &unix.EpollEvent{Events: unix.EPOLLIN})
		}},
		step{"epoll_wait", func() error { _, err := unix.EpollWait(poll, ready, -1); return err }},
		step{"poll", func() error { _, err := unix.Poll([]unix.PollFd{{Fd: int32(event)}}, 0); return err }},
		step{"select", func() error { _, err := unix.Select(0, nil, nil, nil, &unix.Timeval{Usec: 1}); return err }},
		step{"memfd", func() error {
			fd, err := unix.MemfdCreate("probe", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
			return errors.Join(err, unix.Ftruncate(fd, 10), unix.Close(fd))
		}},
		step{"signalfd", func() error {
			fd, err := unix.Signalfd(-1, &unix.Sigset_t{}, unix.SFD_CLOEXEC)
			return errors.Join(err, unix.Close(fd))
		}},
	)
}
