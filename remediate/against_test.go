package remediate_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulwark-project/bulwark/remediate"
	"github.com/bulwark-project/bulwark/remediate/resource"
)

func TestAgainst(t *testing.T) {
	web, db := failing(resource.ContainerObject, "web"), failing(resource.ContainerObject, "db")
	unread := func(kind, object string) resource.Finding {
		return resource.Finding{Kind: kind, Object: object, Verdict: resource.Unjudged}
	}
	for name, c := range map[string]struct {
		old, now *resource.Report
		since    []string
		fixed    int
	}{
		"same and new":             {one(resource.Fails, web), one(resource.Fails, web, db), []string{"same", "new"}, 0},
		"fixed":                    {one(resource.Fails, web, db), one(resource.Fails, db), []string{"same"}, 1},
		"all fixed":                {one(resource.Fails, web, db), one(resource.Holds), nil, 2},
		"its object is gone":       {one(resource.Fails, web), one(resource.NoObject), nil, 1},
		"control is unknown now":   {one(resource.Fails, web), one(resource.Unjudged), nil, 0},
		"control is by hand now":   {one(resource.Fails, web), one(resource.ByHand), nil, 0},
		"control is not there now": {one(resource.Fails, web), &resource.Report{}, nil, 0},
		"object is unknown now":    {one(resource.Fails, web, db), one(resource.Fails, db, unread("container", "web")), []string{"same", "new"}, 0},
		"another object is":        {one(resource.Fails, web, db), one(resource.Fails, unread("container", "db")), []string{"new"}, 1},
		"what lists it is":         {one(resource.Fails, web), one(resource.Fails, unread("daemon", "dockerd")), []string{"new"}, 0},
		"fails without saying for": {one(resource.Fails, web), one(resource.Fails), nil, 0},
		"unknown before, fails":    {one(resource.Unjudged, unread("container", "web")), one(resource.Fails, web), []string{"new"}, 0},
		"unknown before and now":   {one(resource.Unjudged, unread("container", "web")), one(resource.Unjudged, unread("container", "web")), []string{"same"}, 0},
		"unknown before, ok":       {one(resource.Unjudged, unread("container", "web")), one(resource.Holds), nil, 0},
		"waived since":             {one(resource.Fails, web), one(resource.Holds, waived(web)), []string{"same"}, 0},
		"not in the old report":    {&resource.Report{}, one(resource.Fails, web), []string{"new"}, 0},
		"two of one name":          {one(resource.Fails, web), one(resource.Fails, failing(resource.ImageObject, "web")), []string{"new"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			before := text(t, c.old) + text(t, c.now)
			got := remediate.Against(c.old, c.now)
			if before != text(t, c.old)+text(t, c.now) {
				t.Error("an argument was changed")
			}
			var since []string
			for _, control := range got.Controls {
				for _, f := range control.Findings {
					since = append(since, f.Since)
				}
			}
			if diff := cmp.Diff(c.since, since); diff != "" {
				t.Error(diff)
			}
			if len(got.Fixed) != c.fixed {
				t.Errorf("fixed: %+v, want %d", got.Fixed, c.fixed)
			}
		})
	}
}

// A report compared with itself has nothing new and nothing fixed.
func TestAgainstItself(t *testing.T) {
	r := one(resource.Fails, failing("container", "web"), failing("file", "/etc/docker"))
	r.TakenNS = 7
	got := remediate.Against(r, r)
	if len(got.Fixed) > 0 || got.AgainstNS != 7 || got.Controls[0].Findings[1].Since != resource.SinceSame {
		t.Errorf("%+v", got)
	}
	if again := remediate.Against(got, got); text(t, again) != text(t, got) {
		t.Error("compared again, it is another")
	}
}

func one(v resource.Verdict, findings ...resource.Finding) *resource.Report {
	return &resource.Report{Controls: []resource.ControlReport{{ID: "c", Verdict: v, Findings: findings}}}
}

func failing(kind, object string) resource.Finding {
	return resource.Finding{Kind: kind, Object: object, Verdict: resource.Fails, Observed: "x"}
}

func waived(f resource.Finding) resource.Finding {
	f.Waiver = &resource.WaiverNote{Reason: "x", Expires: "2026-12-31"}
	return f
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
