package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/elastic/go-libaudit/v2"
	"golang.org/x/sys/unix"
)

// An auditSocket talks to the kernel's audit over netlink. It stands in for the
// library's, which gives up after half a second of silence and cuts long rules
// off.
type auditSocket struct {
	ctx context.Context
	fd  int
	seq uint32
	buf *[auditBuffer]byte
}

const (
	// auditBuffer holds the longest rule: several texts of PATH_MAX.
	auditBuffer = 128 << 10
	// auditQueue is the memory for answers that are not read yet, in bytes. The
	// kernel sends a list at once and waits a tenth of a second for room, then it
	// drops messages; ENOBUFS tells. A rule takes up to 4 KiB of it.
	auditQueue = 128 << 20
)

func openAudit(ctx context.Context) (*auditSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_AUDIT)
	if err != nil {
		return nil, fmt.Errorf("cannot open a socket to audit: %w", err)
	}
	s := &auditSocket{ctx: ctx, fd: fd, buf: auditBuffers.Get().(*[auditBuffer]byte)}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, auditQueue) // without it, a loss is noticed
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		s.Close()
		return nil, fmt.Errorf("cannot bind a socket to audit: %w", err)
	}
	return s, nil
}

// auditBuffers spares each of a hundred changes a buffer of its own.
var auditBuffers = sync.Pool{New: func() any { return new([auditBuffer]byte) }}

// Close implements libaudit.NetlinkSendReceiver.
func (s *auditSocket) Close() error {
	auditBuffers.Put(s.buf)
	return unix.Close(s.fd)
}

// Send numbers the message and sends it.
func (s *auditSocket) Send(msg syscall.NetlinkMessage) (uint32, error) {
	s.seq++
	msg.Header.Seq, msg.Header.Len = s.seq, uint32(unix.SizeofNlMsghdr+len(msg.Data))
	head := (*[unix.SizeofNlMsghdr]byte)(unsafe.Pointer(&msg.Header))
	return s.seq, unix.Sendto(s.fd, append(head[:], msg.Data...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// SendNoWait is Send: the kernel takes a message or refuses it, at once.
func (s *auditSocket) SendNoWait(msg syscall.NetlinkMessage) (uint32, error) { return s.Send(msg) }

// Receive waits for one message, until the context ends. Like the library it
// takes no notice of the length in the header, which audit's events have wrong.
func (s *auditSocket) Receive(bool, libaudit.NetlinkParser) ([]syscall.NetlinkMessage, error) {
	for {
		n, _, flags, from, err := unix.Recvmsg(s.fd, s.buf[:], nil, 0)
		switch k, ok := from.(*unix.SockaddrNetlink); {
		case errors.Is(err, unix.EAGAIN):
			if err := s.wait(); err != nil {
				return nil, err
			}
		case errors.Is(err, unix.EINTR), err == nil && (!ok || k.Pid != 0): // not from the kernel
		case err != nil:
			return nil, fmt.Errorf("cannot hear from audit: %w", err)
		case flags&unix.MSG_TRUNC != 0 || n < unix.SizeofNlMsghdr:
			return nil, fmt.Errorf("cannot hear from audit: a message of %d bytes is cut off", n)
		default:
			return []syscall.NetlinkMessage{{
				Header: *(*syscall.NlMsghdr)(unsafe.Pointer(&s.buf[0])),
				Data:   s.buf[unix.SizeofNlMsghdr:n],
			}}, nil
		}
	}
}

// wait returns when there is something to read.
func (s *auditSocket) wait() error {
	for {
		left := time.Second / 10
		if end, ok := s.ctx.Deadline(); ok {
			left = min(left, time.Until(end))
		}
		if s.ctx.Err() != nil || left <= 0 {
			return fmt.Errorf("cannot hear from audit: %w", errSilent)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return os.NewSyscallError("poll", err)
		}
	}
}

var errSilent = errors.New("the kernel does not answer in time")
