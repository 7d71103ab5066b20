package reference_test

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// TestColoursCanBeRead holds every colour of text to a contrast of 4.5 on both
// backgrounds, and the edges of controls to 3 (WCAG 2.2, 1.4.3 and 1.4.11).
func TestColoursCanBeRead(t *testing.T) {
	t.Parallel()
	colours := [2]map[string]string{{}, {}}
	style := newReader(t).get(t, "/docs/style.css")
	for _, c := range regexp.MustCompile(`--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllStringSubmatch(style, -1) {
		colours[0][c[1]], colours[1][c[1]] = c[2], c[3]
	}
	for scheme, c := range colours {
		hold := func(name, on string, least float64) {
			if got := contrast(t, c[name], on); got < least {
				t.Errorf("scheme %d: %s %s on %s has a contrast of %.2f; want %.1f", scheme, name, c[name], on, got, least)
			}
		}
		for _, on := range []string{c["bg"], c["bg-2"]} {
			for _, name := range []string{"text", "text-2", "text-3", "accent", "red", "amber", "blue", "green"} {
				hold(name, on, 4.5)
			}
			hold("line-2", on, 3)
		}
		hold("accent-fill", "#ffffff", 4.5)
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) != len("#rrggbb") {
		t.Fatalf("the style sheet lacks a colour: write it as light-dark(#rrggbb, #rrggbb)")
	}
	sum := 0.0
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= .04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
