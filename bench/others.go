package main

import (
	"context"
)

func benchMillion(context.Context, settings) error { return nil }
func benchFlat(context.Context, settings) error { return nil }
func benchSoak(context.Context, settings) error { return nil }
func benchStart(context.Context, settings) error { return nil }
