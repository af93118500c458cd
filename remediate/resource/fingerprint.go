package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
)

// FileType is what lies at a path, without following a final symbolic link.
type FileType string

// The types of file that a Fingerprint tells apart.
const (
	Absent  FileType = "absent"
	Regular FileType = "file"
	Dir     FileType = "dir"
	Symlink FileType = "symlink"
	Other   FileType = "other" // device, socket, fifo
)

// A Fingerprint identifies the state of one path: equal fingerprints mean
// that nobody has edited it in between.
type Fingerprint struct {
	Type FileType `json:"type"`
	// SHA256 is the hex digest of the bytes (of the target for a symlink).
	SHA256 string `json:"sha256,omitempty"`
	Size   int64  `json:"size,omitempty"`
	// Mode holds the permission bits with setuid, setgid and sticky (07777).
	Mode uint32 `json:"mode,omitempty"`
	UID  uint32 `json:"uid,omitempty"`
	GID  uint32 `json:"gid,omitempty"`
	// Nlink is the number of hard links; informational, not compared.
	Nlink uint64 `json:"nlink,omitempty"`
	// MtimeNS is nanoseconds since the epoch; restored on rollback, but not
	// compared: touching a file does not edit it.
	MtimeNS int64 `json:"mtime_ns,omitempty"`
	// CtimeNS is the time of the last change of the inode, nanoseconds since
	// the epoch, 0 if not read. No program can set it back, so it tells
	// whether a daemon has read this very file at its start; not compared.
	CtimeNS int64 `json:"ctime_ns,omitempty"`
	// Xattrs maps the name of each extended attribute (ACL, SELinux label,
	// capability, user.*) to the hex of its value.
	Xattrs map[string]string `json:"xattrs,omitempty"`
	// Flags are the inode flags of FS_IOC_GETFLAGS that forbid a rename:
	// 0x10 immutable, 0x20 append-only (chattr(1)).
	Flags uint32 `json:"flags,omitempty"`
}

// Inode flags (linux/fs.h) that make a file impossible to replace.
const (
	FlagImmutable = 0x10
	FlagAppend    = 0x20
)

// Sum returns the hex SHA-256 of b as used in fingerprints.
func Sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// Exists reports whether something is at the path.
func (f Fingerprint) Exists() bool { return f.Type != Absent && f.Type != "" }

// Same reports whether f and g describe the same content, owner, mode and
// attributes. Link count and modification time do not count.
func (f Fingerprint) Same(g Fingerprint) bool { return f.Differs(g) == "" }

// Differs names the first thing in which f and g differ, in words for a
// message ("content", "mode 0644, now 0600"), or returns "".
func (f Fingerprint) Differs(g Fingerprint) string {
	switch {
	case f.Exists() != g.Exists() || f.Type != g.Type && f.Exists():
		return fmt.Sprintf("was %s, now %s", typeName(f), typeName(g))
	case !f.Exists():
		return ""
	case f.SHA256 != g.SHA256:
		return "content"
	case f.Mode != g.Mode:
		return fmt.Sprintf("mode %04o, now %04o", f.Mode, g.Mode)
	case f.UID != g.UID || f.GID != g.GID:
		return fmt.Sprintf("owner %d:%d, now %d:%d", f.UID, f.GID, g.UID, g.GID)
	case !maps.Equal(f.Xattrs, g.Xattrs):
		return "extended attributes"
	case f.Flags != g.Flags:
		return "inode flags (chattr)"
	}
	return ""
}

func typeName(f Fingerprint) string {
	if !f.Exists() {
		return "absent"
	}
	return strings.TrimSpace("a " + string(f.Type))
}
