package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// programDirs is the PATH of command, and with it of what dockerd's unit gets
// from systemd.
var programDirs = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// program is the path of a program, "" if it is not installed.
func program(name string) string {
	for _, dir := range programDirs {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// iptablesVariant is what the command iptables, which dockerd runs, is.
func iptablesVariant() string {
	path := program("iptables")
	if path == "" {
		return ""
	}
	return variantOf(path)
}

// variantOf tells the variant of a program by the file that its links end at:
// xtables-nft-multi, xtables-legacy-multi, or before 1.8 xtables-multi.
func variantOf(path string) string {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	if strings.Contains(filepath.Base(file), "nft") {
		return resource.VariantNFT
	}
	return resource.VariantLegacy
}

// tools are the versions of the programs that are installed. One file is one
// exec, however many names it has.
func tools(ctx context.Context) map[string]string {
	found, asked := map[string]string{}, map[string]*running{}
	for _, t := range []table{
		{resource.FamilyIP4, resource.VariantNFT},
		{resource.FamilyIP4, resource.VariantLegacy},
		{resource.FamilyIP6, resource.VariantNFT},
		{resource.FamilyIP6, resource.VariantLegacy},
	} {
		if path := t.program(""); path != "" && t.program("-save") != "" && t.program("-restore") != "" {
			found[t.prefix()+"-"+t.variant] = path
		}
	}
	if path := program("nft"); path != "" {
		found["nft"] = path
	}
	for _, path := range found {
		if file := resolved(path); asked[file] == nil {
			asked[file] = startCommand(ctx, []string{path, "-V"}, nil, nil)
		}
	}
	versions := map[string]string{}
	said := map[string]string{}
	for file, r := range asked {
		out, _ := r.wait() // without a version, it still can be tried
		said[file] = string(out)
	}
	for name, path := range found {
		versions[name] = parseVersion(said[resolved(path)])
	}
	return versions
}

func resolved(path string) string {
	if file, err := filepath.EvalSymlinks(path); err == nil {
		return file
	}
	return path
}

// parseVersion takes the number out of "iptables v1.8.9 (nf_tables)" and
// "nftables v1.0.6 (Lester Gooch #5)".
func parseVersion(said string) string {
	for _, word := range strings.Fields(said) {
		if v, ok := strings.CutPrefix(word, "v"); ok && v != "" && v[0] >= '0' && v[0] <= '9' {
			return v
		}
	}
	return "unknown"
}
