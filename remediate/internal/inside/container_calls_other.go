//go:build !amd64

package inside

import "golang.org/x/sys/unix"

// obsoleteCalls are few on architectures that are younger than they are.
func obsoleteCalls() []call {
	return []call{
		{"remap_file_pages", native(unix.SYS_REMAP_FILE_PAGES, 0, 0, 1)},
		{"lookup_dcookie", native(unix.SYS_LOOKUP_DCOOKIE, 0, bad, 0)},
	}
}
