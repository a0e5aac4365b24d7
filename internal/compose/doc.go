// Package compose reads from docker compose files what they say about the images that a project builds and
// how it runs them: context, Dockerfile, target, arguments, environment, ports, command.
//
// How compose merges files, puts variables in and reads .env files is not written again here: the packages
// override, template, dotenv and types of compose-go, the reference implementation, do it. Its loader, which
// would do all of it, is not linked in: the JSON schema library that it validates with takes 5 ms at every
// start of the program, used or not (measured with compose-go v2.16.2: plimsoll version 10.4 → 18.5 ms in
// the median of 60, against 15 allowed, and 2.3 MB more binary). It is the judge in this package's tests.
//
// Input is untrusted: files are bounded, nothing is fetched, and what would have to be (a remote context,
// include, a service that extends one of another file) is named in place of being followed.
package compose
