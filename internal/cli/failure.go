package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"tocsin/client"
)

// explain gives an error of the server's the words and the exit code of the
// command line: what failed, why, what to do next.
func explain(err error) error {
	var problem *client.Error
	var cut *client.ConnectionError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &usageError{}), errors.As(err, &exitError{}):
		return err
	case errors.Is(err, context.Canceled):
		text := "cancelled"
		if errors.As(err, &cut) && cut.IdempotencyKey != "" {
			text += "; whether the change was made is not known"
		}
		return exitError{errors.New(text), exitUsage}
	case errors.As(err, &cut):
		return exitError{unreachable(cut), exitUnreachable}
	case errors.As(err, &problem):
		return exitError{refusal(problem), exitCode(problem)}
	default:
		return err
	}
}

// exitCode returns the code for a refusal.
func exitCode(e *client.Error) int {
	switch e.Status {
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusUnauthorized:
		return exitSignIn
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return exitConflict
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return exitUnreachable
	default:
		return exitFailed
	}
}

// refusal puts a server's problem into words.
func refusal(e *client.Error) error {
	var b strings.Builder
	b.WriteString(e.Text())
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s: %s", p.Name(), p.Message)
	}
	if len(e.Moved) > 0 {
		fmt.Fprintf(&b, "\n  changed since: %s", strings.Join(e.Moved, ", "))
	}
	if len(e.AvailableTransitions) > 0 {
		fmt.Fprintf(&b, "\n  it can become: %s", strings.Join(e.AvailableTransitions, ", "))
	}
	if next := nextStep(e); next != "" {
		b.WriteString("\n" + next)
	}
	if e.Status >= 500 && e.RequestID != "" {
		fmt.Fprintf(&b, "\nThe server's log has more, under request %s", e.RequestID)
	}
	return errors.New(b.String())
}

// nextStep says what to do about a refusal.
func nextStep(e *client.Error) string {
	switch {
	case errors.Is(e, client.ErrUnauthenticated):
		return "Sign in again with 'tocsin login URL'; 'tocsin context list' shows where you are signed in"
	case errors.Is(e, client.ErrForbidden):
		return "'tocsin whoami' shows what the token may do; an administrator can grant more with 'tocsin member role grant'"
	case errors.Is(e, client.ErrRateLimited):
		return fmt.Sprintf("Try again in %v", e.RetryAfter)
	case errors.Is(e, client.ErrUnknown):
		return "It may or may not have been done: look before you repeat it"
	case errors.Is(e, client.ErrStale):
		return "Look at it again and repeat the change if it is still meant"
	case e.Code == "" && e.Status == http.StatusNotFound:
		return "Is this the address of a Tocsin server? It does not answer like one"
	default:
		return ""
	}
}

// unreachable says that no answer came.
func unreachable(e *client.ConnectionError) error {
	text := fmt.Sprintf("%s does not answer: %v", e.URL, e.Err)
	if e.Method != http.MethodGet {
		text += "\nWhether the change was made is not known: look before you repeat it"
	}
	return errors.New(text + "\nIs the address right, and the server running? 'tocsin context list' shows the addresses")
}
