// Package compose reads from docker compose files what they say about the images that a project builds and
// how it runs them: context, Dockerfile, target, arguments, secrets, environment, ports, command.
//
// How compose merges files, puts variables in and reads .env files is not written again here: the packages
// override, template, dotenv and types of compose-go, the reference implementation, do it. Its loader, which
// would do all of it, is not linked in. The JSON schema library that it validates with takes 3 to 5 ms at every
// start of the program, used or not (measured with compose-go v2.16.2: plimsoll version 10.4 → 18.5 ms in
// the median of 60, against 15 allowed, and 2.3 MB more binary); and it reads what include and extends name wherever that
// lies, whatever its size, and tells no lines. It is the judge in this package's tests.
//
// Input is untrusted: files are bounded in size, number and nesting, and nothing is fetched. Files that compose files name
// (include, extends, secrets of builds) are read in the folder of the main one alone, also where the .env of a folder says which
// one that is (COMPOSE_FILE). What leads elsewhere is not followed, and named with the reason. Contexts, Dockerfiles and env_file
// may lie elsewhere in the git work tree of that folder; a service that names one outside of it is refused. All this holds with
// links followed. Variables of the caller's environment can be named, as in compose: whoever writes the file gets what it asks for.
package compose
