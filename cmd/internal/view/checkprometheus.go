package view

import (
	"io"
	"strconv"
	"strings"

	"github.com/bulwark-project/bulwark/remediate/resource"
)

// A sample is one line of a metric: pairs of label and value.
type sample struct {
	labels []string
	value  float64
}

// CheckPrometheus writes gauges for the textfile collector of node_exporter.
// What was not judged has no sample that could be taken for "nothing fails".
func CheckPrometheus(w io.Writer, r *resource.Report) error {
	out := &printer{w: w}
	gauge(out, "bulwark_check_info", "What checked, and the version of the running Docker Engine.",
		[]sample{{[]string{"version", r.Tool, "engine", r.Engine}, 1}})
	gauge(out, "bulwark_check_last_run_timestamp_seconds", "When the host was read, seconds since the epoch.",
		[]sample{{nil, float64(r.TakenNS) / 1e9}})
	gauge(out, "bulwark_check_controls", "Controls by verdict.", byVerdict(r))
	gauge(out, "bulwark_check_control", "1 for each control, with its verdict as a label.", eachControl(r))
	gauge(out, "bulwark_check_failed_objects", "Objects that a control does not hold for, waived ones left out; only of controls that could be judged.", objects(r, func(c resource.ControlReport) int { return c.Failed }))
	gauge(out, "bulwark_check_waived_objects", "Objects that a control does not hold for and that are waived.", objects(r, func(c resource.ControlReport) int { return c.Waived }))
	gauge(out, "bulwark_check_judged_objects", "Objects that were judged by a control.", objects(r, func(c resource.ControlReport) int { return c.Judged }))
	gauge(out, "bulwark_check_area_score", "0 to 100, how much of what was judged in an area of the Docker Top 10 holds; none of an area where nothing was judged.", scores(r))
	gauge(out, "bulwark_check_unread", "Parts of the host that could not be read.", []sample{{nil, float64(len(r.Unread))}})
	return out.err
}

func gauge(out *printer, name, help string, samples []sample) {
	if len(samples) == 0 {
		return
	}
	out.f("# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	for _, s := range samples {
		out.f("%s%s %s\n", name, labels(s.labels), strconv.FormatFloat(s.value, 'f', -1, 64))
	}
}

// labelValue escapes what the format does; the printer made it printable.
var labelValue = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func labels(pairs []string) string {
	if len(pairs) == 0 {
		return ""
	}
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, pairs[i]+`="`+labelValue.Replace(resource.Printable(pairs[i+1]))+`"`)
	}
	return "{" + strings.Join(all, ",") + "}"
}

// byVerdict has zeros, too: an alert can then tell none from not checked.
func byVerdict(r *resource.Report) []sample {
	var all []sample
	for _, v := range verdictOrder {
		all = append(all, sample{[]string{"verdict", string(v)}, float64(len(withVerdict(r, v)))})
	}
	return all
}

func eachControl(r *resource.Report) []sample {
	var all []sample
	for _, c := range r.Controls {
		area := ""
		if len(c.OWASP) > 0 {
			area = c.OWASP[0]
		}
		all = append(all, sample{[]string{"id", c.ID, "owasp", area, "severity", string(c.Severity), "verdict", string(c.Verdict)}, 1})
	}
	return all
}

func objects(r *resource.Report, number func(resource.ControlReport) int) []sample {
	var all []sample
	for _, c := range r.Controls {
		if c.Verdict == resource.Holds || c.Verdict == resource.Fails {
			all = append(all, sample{[]string{"id", c.ID, "severity", string(c.Severity)}, float64(number(c))})
		}
	}
	return all
}

func scores(r *resource.Report) []sample {
	var all []sample
	for _, a := range r.Areas {
		if a.Score >= 0 {
			all = append(all, sample{[]string{"area", a.ID, "title", a.Title}, float64(a.Score)})
		}
	}
	return all
}
