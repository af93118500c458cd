package host

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A table is one that bulwark reads or writes: an iptables filter table, or
// its own nftables table.
type table struct{ family, variant string }

var ownTable = table{family: resource.FamilyInet}

func (t table) nft() bool { return t == ownTable }

func (t table) String() string {
	if t.nft() {
		return "the nftables table inet " + resource.OwnTable
	}
	return fmt.Sprintf("the table filter of %s (%s)", t.prefix(), t.variant)
}

func (t table) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot read %s: %w", t, err)
}

// prefix is what the names of the family's programs begin with.
func (t table) prefix() string {
	if t.family == resource.FamilyIP6 {
		return "ip6tables"
	}
	return "iptables"
}

// listing is the program that prints the table, with its arguments; nil if it
// is not installed.
func (t table) listing() []string {
	if t.nft() {
		if nft := program("nft"); nft != "" {
			return []string{nft, "-s", "-n", "-y", "list", "table", "inet", resource.OwnTable}
		}
		return nil
	}
	if save := t.program("-save"); save != "" {
		return []string{save, "-t", "filter"}
	}
	return nil
}

// program is the path of iptables-nft-save and its kin. A host with one
// variant only may have it without the variant in its name.
func (t table) program(verb string) string {
	if path := program(t.prefix() + "-" + t.variant + verb); path != "" {
		return path
	}
	if path := program(t.prefix() + verb); path != "" && variantOf(path) == t.variant {
		return path
	}
	return ""
}

// presentTables are the tables that exist. The programs cannot be asked:
// iptables-legacy-save creates the table that it shall print.
func presentTables() ([]table, error) {
	present := slices.Concat(
		legacyTable(resource.FamilyIP4, "/proc/thread-self/net/ip_tables_names"),
		legacyTable(resource.FamilyIP6, "/proc/thread-self/net/ip6_tables_names"),
	)
	if !kernelHas("nf_tables") {
		return present, nil
	}
	list, err := dump(func() *nl.NetlinkRequest {
		return nfnetlink(unix.NFNL_SUBSYS_NFTABLES, unix.NFT_MSG_GETTABLE, unix.NLM_F_DUMP, unix.AF_UNSPEC)
	})
	if errno(err) == int(unix.EINVAL) {
		return present, nil // a kernel without nf_tables
	}
	if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
		return nil, fmt.Errorf("cannot list the nftables tables: %w", err)
	}
	for _, message := range list {
		if t, ok := nftTable(message); ok {
			present = append(present, t)
		}
	}
	return present, nil
}

func legacyTable(family, path string) []table {
	b, err := os.ReadFile(path)
	if err != nil || !slices.Contains(strings.Fields(string(b)), "filter") {
		return nil
	}
	return []table{{family, resource.VariantLegacy}}
}

// nftTable picks the tables of interest: iptables-nft keeps its own under the
// names of the old ones.
func nftTable(message []byte) (table, bool) {
	if len(message) < nfgenSize {
		return table{}, false
	}
	name := text(attribute(payload(message), unix.NFTA_TABLE_NAME))
	switch family := message[0]; {
	case family == unix.NFPROTO_IPV4 && name == "filter":
		return table{resource.FamilyIP4, resource.VariantNFT}, true
	case family == unix.NFPROTO_IPV6 && name == "filter":
		return table{resource.FamilyIP6, resource.VariantNFT}, true
	case family == unix.NFPROTO_INET && name == resource.OwnTable:
		return ownTable, true
	}
	return table{}, false
}

// ownChains reports whether the table of iptables-nft holds chains of bulwark's.
// The kernel is asked, for a table that iptables cannot show.
func ownChains(t table) (bool, error) {
	family := uint8(unix.NFPROTO_IPV4)
	if t.family == resource.FamilyIP6 {
		family = unix.NFPROTO_IPV6
	}
	list, err := dump(func() *nl.NetlinkRequest {
		return nfnetlink(unix.NFNL_SUBSYS_NFTABLES, unix.NFT_MSG_GETCHAIN, unix.NLM_F_DUMP, family)
	})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(list, func(message []byte) bool {
		b := payload(message)
		return text(attribute(b, unix.NFTA_CHAIN_TABLE)) == "filter" &&
			strings.HasPrefix(text(attribute(b, unix.NFTA_CHAIN_NAME)), resource.OwnChainPrefix)
	}), nil
}
