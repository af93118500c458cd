// Command wire is both ends of the connections that stories of the firewall
// make. It is static, so that it can be mounted into any container.
//
//	wire serve 80/tcp 53/udp         answer on every address of this host
//	wire try [-t 3s] PROBE...        a probe is tcp4/HOST:PORT, udp6/[ADDR]:PORT, icmp4/HOST
//	wire hold PROBE                  keep one connection open and busy until it is cut
//	wire beat PROBE                  try without end, from the first moment, without waiting
//	wire drip ADDR:PORT...           UDP each millisecond, without end
//	wire flood ADDR:PORT DURATION    UDP as fast as it goes; prints how many were sent
//	wire count ADDR:PORT DURATION    prints how many packets came
package main

import (
	"fmt"
	"os"
)

var commands = map[string]func(args []string) error{
	"serve": serve, "try": try, "hold": hold, "beat": beat, "drip": drip, "flood": flood, "count": count,
}

func main() {
	if len(os.Args) < 3 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: wire serve|try|hold|beat|drip|flood|count ...")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "wire:", err)
		os.Exit(1)
	}
}
