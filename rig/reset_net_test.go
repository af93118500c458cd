//go:build rig

package rig_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// settledNet is what resetHost left behind in netfilter and of interfaces.
var settledNet string

// netState is all that a story about the firewall may leave behind but files.
func netState() (string, error) {
	rules, err := dumpRules()
	if err != nil {
		return "", err
	}
	links, err1 := output("ip", "-o", "link", "show", "type", "veth")
	bridges, err2 := output("sh", "-c", "ls /sys/class/net /run/netns 2>/dev/null || true")
	variant, err3 := filepath.EvalSymlinks("/etc/alternatives/iptables")
	return strings.Join([]string{rules, links, bridges, variant}, "\n"), errors.Join(err1, err2, err3)
}

// resetNet takes down networks, servers and managers that a story made, and
// empties netfilter. dockerd must be stopped; its start brings its own back.
func resetNet() error {
	return run("bash", "-euc", `
		systemctl stop 'rig-*' firewalld ufw 2>/dev/null || true
		for f in /usr/sbin/xtables-{nft,legacy}-multi /usr/sbin/nft; do umount $f 2>/dev/null || true; done
		for ns in evil lan; do
			[ ! -e /run/netns/$ns ] || { ip netns pids $ns | xargs -r kill -9; ip netns del $ns; }
		done
		for link in out0 lan0 br-lan; do ip link del $link 2>/dev/null || true; done
		for t in iptables ip6tables; do
			[ "$(readlink /etc/alternatives/$t)" = /usr/sbin/$t-nft ] || update-alternatives --quiet --set $t /usr/sbin/$t-nft
		done
		for t in iptables-legacy ip6tables-legacy; do
			for table in $($t-save | sed -n 's/^[*]//p'); do
				$t -w -t $table -F
				$t -w -t $table -X
			done
			[ -z "$($t-save)" ] || for chain in INPUT FORWARD OUTPUT; do $t -w -P $chain ACCEPT; done
		done
		nft flush ruleset
		ipset destroy
		sysctl -qw net.ipv6.conf.all.forwarding=0 net.ipv4.ip_forward=0 # dockerd sets a policy when it sets this
		for f in /proc/sys/net/bridge/bridge-nf-call-ip{,6}tables; do [ ! -e $f ] || echo 1 >$f; done`)
}

// pristineNet reports whether no story has touched the network since the last reset.
func pristineNet() (bool, error) {
	if _, err := os.Stat("/run/netns/evil"); err == nil || settledNet == "" {
		return false, nil // spares an emulated CPU the look
	}
	now, err := netState()
	return now == settledNet, err
}
