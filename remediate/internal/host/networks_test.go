package host_test

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/bulwark-project/bulwark/remediate/internal/host"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

// answers serves the Docker API: a body for each end of a path.
func answers(t *testing.T, bodies map[string]string) (address string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		for end, body := range bodies {
			if strings.HasSuffix(r.URL.Path, end) {
				_, _ = w.Write([]byte(body))
			}
		}
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return "unix://" + path
}

// What GET /networks of dockerd 20.10.24 says, shortened.
const listed = `[
 {"Name":"mine","Id":"0123456789abcdef","Scope":"local","Driver":"bridge","EnableIPv6":true,
  "IPAM":{"Driver":"default","Options":{},"Config":[{"Subnet":"172.18.0.0/16","Gateway":"172.18.0.1"},{"Subnet":"fd00:5::1/64"}]},"Internal":true,"Options":{}},
 {"Name":"bridge","Id":"b00000000000000","Scope":"local","Driver":"bridge","IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]},
  "Options":{"com.docker.network.bridge.name":"dock9"}},
 {"Name":"host","Id":"c00000000000000","Scope":"local","Driver":"host","IPAM":{"Driver":"default","Options":null,"Config":[]},"Options":{}},
 {"Name":"lan","Id":"d00000000000000","Scope":"local","Driver":"macvlan","IPAM":{"Config":[{"Subnet":"192.0.2.0/24"}]},"Options":{"parent":"eth0"}},
 {"Name":"none","Id":"e00000000000000","Scope":"local","Driver":"null","IPAM":{"Config":null},"Options":null},
 {"Name":"ov","Id":"f00000000000000","Scope":"swarm","Driver":"overlay","IPAM":{"Config":[{"Subnet":"10.0.1.0/24"}]},"Options":{"com.docker.network.driver.overlay.vxlanid_list":"4097"}}]`

// TestNetworks: bridge networks have an interface, named by option or by id.
func TestNetworks(t *testing.T) {
	got, err := host.NewReader("/", nil, answers(t, map[string]string{"/networks": listed})).Networks(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := []resource.Network{
		{ID: "b00000000000000", Name: "bridge", Driver: "bridge", Scope: "local", Bridge: "dock9", Subnets: []string{"172.17.0.0/16"}},
		{ID: "c00000000000000", Name: "host", Driver: "host", Scope: "local"},
		{ID: "d00000000000000", Name: "lan", Driver: "macvlan", Scope: "local", Subnets: []string{"192.0.2.0/24"}},
		{
			ID: "0123456789abcdef", Name: "mine", Driver: "bridge", Scope: "local", Internal: true, IPv6: true,
			Bridge: "br-0123456789ab", Subnets: []string{"172.18.0.0/16", "fd00:5::/64"},
		},
		{ID: "e00000000000000", Name: "none", Driver: "null", Scope: "local"},
		{ID: "f00000000000000", Name: "ov", Driver: "overlay", Scope: "swarm", Subnets: []string{"10.0.1.0/24"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nnot %+v", got, want)
	}
}

// TestEndpoints: a running container has places with addresses and labels; one
// that does not run has no places.
func TestEndpoints(t *testing.T) {
	settings := `"Config":{"Labels":{"tier":"web"}},"NetworkSettings":{"Networks":{
	 "two":{"IPAddress":"172.18.0.2","GlobalIPv6Address":"fd00::2"},"one":{"IPAddress":"172.17.0.2","GlobalIPv6Address":""}}}`
	c, err := host.NewReader("/", nil, answers(t, map[string]string{
		"/containers/json":    `[{"Id":"aa"},{"Id":"bb"}]`,
		"/containers/aa/json": `{"Id":"aa","Name":"/a","State":{"Running":true,"Status":"running"},` + settings + `}`,
		"/containers/bb/json": `{"Id":"bb","Name":"/b","State":{"Running":false,"Status":"exited"},` + settings + `}`,
	})).Containers(context.Background())
	if err != nil || len(c) != 2 {
		t.Fatal(c, err)
	}
	want := []resource.Endpoint{{Network: "one", IPs: []string{"172.17.0.2"}}, {Network: "two", IPs: []string{"172.18.0.2", "fd00::2"}}}
	if !reflect.DeepEqual(c[0].Networks, want) || c[0].Labels["tier"] != "web" {
		t.Errorf("running: %+v %v", c[0].Networks, c[0].Labels)
	}
	if c[1].Networks != nil || c[1].Labels["tier"] != "web" {
		t.Errorf("exited: %+v %v", c[1].Networks, c[1].Labels)
	}
}
