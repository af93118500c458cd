package egress

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/bulwark-project/bulwark/remediate/resource"
	"github.com/bulwark-project/bulwark/templates"
)

const isImage = "this is an image: it has no running kernel"

// Observe fills Networks, Firewall, Flows, Loader and Rules. The facade fills
// Resolved. It rests on what is known of the daemon.
func (Kind) Observe(ctx context.Context, r resource.Reader, s *resource.Snapshot) {
	s.Rules = fact(r.File(RulesPath))
	s.Rules.Value.Path = RulesPath
	if r.Root() != "/" {
		observeImage(s)
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Firewall = fact(r.Firewall(ctx)) })
	wg.Go(func() {
		s.Loader = fact(r.Unit(ctx, LoaderUnit))
		s.LoaderFault = loaderFault(r, s.Loader.Value)
	})
	wg.Go(func() {
		s.Networks = networks(ctx, r, s)
		s.Flows = flows(ctx, r, s)
	})
	wg.Wait()
}

func observeImage(s *resource.Snapshot) {
	s.Firewall = resource.Unknown[resource.Firewall](isImage)
	s.Loader = resource.Unknown[resource.Unit](isImage)
	s.Networks = resource.Unknown[[]resource.Network](isImage)
	s.Flows = resource.Unknown[[]resource.Flow](isImage)
}

// loaderFault says why an enabled unit would not load the rules: somebody has
// edited it, or what it runs is gone. What cannot be read is not held against
// it.
func loaderFault(r resource.Reader, u resource.Unit) string {
	if u.LoadState != "loaded" {
		return ""
	}
	f, err := r.File(loaderPath)
	switch {
	case err != nil:
		return ""
	case u.FragmentPath != loaderPath || !bytes.Equal(f.Content, templates.EgressUnit()):
		return "is not the unit of this bulwark"
	}
	p, err := r.Fingerprint(loaderProgram)
	if err == nil && (p.Type != resource.Regular || p.Mode&0o100 == 0) {
		return "runs " + loaderProgram + ", which is not there or not a program"
	}
	return ""
}

func fact[T any](v T, err error) resource.Fact[T] {
	if err != nil {
		return resource.Unknown[T](err.Error())
	}
	return resource.Known(v)
}

// networks asks only a daemon that answered before: a question to the socket
// of one that is stopped would start it.
func networks(ctx context.Context, r resource.Reader, s *resource.Snapshot) resource.Fact[[]resource.Network] {
	if _, ok := s.Engine.Get(); !ok {
		return resource.Unknown[[]resource.Network](s.Engine.Unknown)
	}
	return fact(r.Networks(ctx))
}

func flows(ctx context.Context, r resource.Reader, s *resource.Snapshot) resource.Fact[[]resource.Flow] {
	all, ok := s.Networks.Get()
	if !ok {
		return resource.Unknown[[]resource.Flow]("cannot tell the subnets of containers: " + s.Networks.Unknown)
	}
	var subnets []string
	for _, n := range all {
		if n.Bridge != "" {
			subnets = append(subnets, n.Subnets...)
		}
	}
	if len(subnets) == 0 {
		return resource.Known([]resource.Flow{})
	}
	slices.Sort(subnets)
	return fact(r.Flows(ctx, slices.Compact(subnets)))
}
