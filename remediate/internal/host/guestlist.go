package host

import (
	"context"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// A Labelled is a container, network or image that carries a label.
type Labelled struct {
	ID     string
	Names  []string
	Labels map[string]string
}

// LabelledContainers lists all that carry a label, stopped ones too.
func (d *Docker) LabelledContainers(ctx context.Context, label string) ([]Labelled, error) {
	list, err := d.c.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: byLabel(label)})
	if err != nil {
		return nil, apiError(err)
	}
	var out []Labelled
	for _, c := range list.Items {
		var names []string
		for _, n := range c.Names {
			names = append(names, strings.TrimPrefix(n, "/"))
		}
		out = append(out, Labelled{c.ID, names, c.Labels})
	}
	return carrying(out, label), nil
}

// LabelledNetworks lists those that carry a label.
func (d *Docker) LabelledNetworks(ctx context.Context, label string) ([]Labelled, error) {
	list, err := d.c.NetworkList(ctx, client.NetworkListOptions{Filters: byLabel(label)})
	if err != nil {
		return nil, apiError(err)
	}
	var out []Labelled
	for _, n := range list.Items {
		out = append(out, Labelled{n.ID, []string{n.Name}, n.Labels})
	}
	return carrying(out, label), nil
}

// LabelledImages lists those that carry a label.
func (d *Docker) LabelledImages(ctx context.Context, label string) ([]Labelled, error) {
	list, err := d.c.ImageList(ctx, client.ImageListOptions{Filters: byLabel(label)})
	if err != nil {
		return nil, apiError(err)
	}
	var out []Labelled
	for _, i := range list.Items {
		out = append(out, Labelled{i.ID, named(i.RepoTags), i.Labels})
	}
	return carrying(out, label), nil
}

func byLabel(label string) client.Filters { return client.Filters{}.Add("label", label) }

// carrying leaves out what lacks the label: a daemon, or what poses as one, may
// not know the filter, and what is listed here gets removed.
func carrying(all []Labelled, label string) []Labelled {
	return slices.DeleteFunc(all, func(l Labelled) bool {
		_, ok := l.Labels[label]
		return !ok || !idPattern.MatchString(strings.TrimPrefix(l.ID, "sha256:"))
	})
}
