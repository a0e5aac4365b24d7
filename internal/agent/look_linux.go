package agent

import "context"

// look answers one question after the other. One that can't be answered does not keep the next from it.
func look(ctx context.Context, r LookRequest) (LookAnswer, error) {
	return LookAnswer{
		Sockets:   answered(ctx, sockets, SocketsRequest{}),
		Processes: answered(ctx, processes, ProcessesRequest{Main: r.Main}),
		Env:       answered(ctx, envNames, EnvRequest{Main: r.Main}),
		Loaded:    answered(ctx, loaded, LoadedRequest{Main: r.Main}),
		Changed:   answered(ctx, changed, ChangedRequest{Main: r.Main, Limit: r.Changes}),
	}, nil
}

func answered[Req, Ans any](ctx context.Context, ask func(context.Context, Req) (Ans, error), r Req) (l Look[Ans]) {
	a, err := ask(ctx, r)
	if l.Answer = a; err != nil {
		l.Error = err.Error()
	}
	return l
}
