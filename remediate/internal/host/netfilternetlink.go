package host

import (
	"encoding/binary"
	"errors"
	"iter"
	"os"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// nfnetlink starts a request to one of netfilter's subsystems. The socket is
// opened where it is executed, on the calling thread and so in its network
// namespace.
func nfnetlink(subsystem, command, flags int, family uint8) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(subsystem<<8|command, flags)
	req.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: nl.NFNETLINK_V0})
	return req
}

// dump executes a request for a list; one that changed while it was read is
// read again.
func dump(build func() *nl.NetlinkRequest) (messages [][]byte, err error) {
	for range 5 {
		messages, err = build().Execute(unix.NETLINK_NETFILTER, 0)
		if !errors.Is(err, nl.ErrDumpInterrupted) {
			return messages, err
		}
	}
	return messages, err
}

// nfgenSize is the size of struct nfgenmsg, which begins each message.
const nfgenSize = 4

// payload is a message's attributes.
func payload(message []byte) []byte { return message[min(nfgenSize, len(message)):] }

// attributes walks over netlink attributes (netlink(7)): the type without its
// two flags, and the value. It ends at what is malformed.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofNlAttr {
			size := int(binary.NativeEndian.Uint16(b))
			if size < unix.SizeofNlAttr || size > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if !yield(kind, b[unix.SizeofNlAttr:size]) {
				return
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
}

// attribute returns the value of the first attribute of a kind, or nil.
func attribute(b []byte, path ...uint16) []byte {
	for _, kind := range path {
		found := false
		for k, v := range attributes(b) {
			if k == kind {
				b, found = v, true
				break
			}
		}
		if !found {
			return nil
		}
	}
	return b
}

// text is a string value without its final NUL.
func text(b []byte) string { return unix.ByteSliceToString(b) }

// errno returns the number in an error of netlink, 0 if there is none.
func errno(err error) int {
	var n syscall.Errno
	if errors.As(err, &n) {
		return int(n)
	}
	return 0
}

// kernelHas reports whether a part of the kernel is there without asking it,
// because a question over netlink would load its module.
func kernelHas(module string) bool { return moduleIn("/", kernelRelease(), module) }

func moduleIn(root, release, module string) bool {
	loaded, err := os.ReadFile(root + "proc/modules")
	if err != nil {
		return true // this kernel loads no modules
	}
	if strings.Contains("\n"+string(loaded), "\n"+module+" ") {
		return true
	}
	if _, err := os.Stat(root + "sys/module/" + module); err == nil {
		return true
	}
	builtin, err := os.ReadFile(root + "lib/modules/" + release + "/modules.builtin")
	return err != nil || strings.Contains(string(builtin), "/"+module+".ko\n")
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
