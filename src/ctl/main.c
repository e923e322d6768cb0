/*
 * metallbctl: asks the local metallbd over its control socket and shows the answer as text or JSON.
 *
 * Exit status: 0 done; 1 the daemon refused or failed; 2 usage; 3 the daemon cannot be reached or
 * does not understand.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "util/mem.h"
#include "util/str.h"

#define DEFAULT_SOCKET "/run/metallb/metallbd.sock"

enum {
	EXIT_DONE,
	EXIT_FAILED,
	EXIT_USAGE,
	EXIT_UNREACHABLE
};

static void
usage(FILE *out)
{
	(void)fprintf(out,
	    "usage: metallbctl [-j] [-s SOCKET] COMMAND [ARGUMENT]\n"
	    "  -j         print the answer as JSON\n"
	    "  -s SOCKET  the daemon's control socket [" DEFAULT_SOCKET "]\n"
	    "  -h, -V     help, version\n\ncommands (any unique beginning will do)\n");
	command_help(out);
}

static int
show_error(json_object *answer)
{
	json_object *error = NULL, *message = NULL, *lines = NULL;
	size_t i;

	(void)json_object_object_get_ex(answer, "error", &error);
	(void)json_object_object_get_ex(error, "message", &message);
	(void)json_object_object_get_ex(error, "errors", &lines);
	(void)fprintf(stderr, "metallbctl: %s\n",
	    message ? json_object_get_string(message) : "the daemon refused without a reason");
	for (i = 0;
	     json_object_is_type(lines, json_type_array) && i < json_object_array_length(lines);
	     i++)
		(void)fprintf(
		    stderr, "  %s\n", json_object_get_string(json_object_array_get_idx(lines, i)));
	return EXIT_FAILED;
}

static int
run(const struct command *command, const char *socket_path, const char *const *args, size_t n_args,
    bool as_json)
{
	json_object *answer, *ok = NULL, *data = NULL;
	char *reason;
	int status = EXIT_DONE;

	if (client_ask(socket_path, command->name, args, n_args, command->answer == COMMAND_WAITS,
		&answer, &reason) != CLIENT_OK) {
		(void)fprintf(stderr, "metallbctl: %s\n", reason);
		free(reason);
		return EXIT_UNREACHABLE;
	}
	(void)json_object_object_get_ex(answer, "ok", &ok);
	(void)json_object_object_get_ex(answer, "data", &data);
	if (as_json)
		(void)printf("%s\n",
		    json_object_to_json_string_ext(
			json_object_get_boolean(ok) && data ? data : answer,
			JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	if (!json_object_get_boolean(ok))
		status = show_error(answer);
	else if (!as_json)
		command->render(stdout, data);
	if (command->answer == COMMAND_JUDGES && command_finds_errors(data))
		status = EXIT_FAILED;
	json_object_put(answer);
	if (fflush(stdout))
		status = EXIT_FAILED;
	return status;
}

struct following {
	const struct command *command;
	bool as_json;
	int status;
};

/* {"v":1,"change":{...}}, or {"v":1,"end":{"code":...,"message":...}} */
static bool
show_line(void *arg, json_object *line)
{
	struct following *f = arg;
	json_object *change = NULL, *end = NULL, *message = NULL;

	if (json_object_object_get_ex(line, "end", &end)) {
		(void)json_object_object_get_ex(end, "message", &message);
		(void)fprintf(stderr, "metallbctl: %s\n",
		    message ? json_object_get_string(message) : "the daemon ended the stream");
		f->status = EXIT_FAILED;
		return false;
	}
	/* Of a later daemon, maybe. */
	if (!json_object_object_get_ex(line, "change", &change))
		return true;
	if (f->as_json)
		(void)printf("%s\n",
		    json_object_to_json_string_ext(
			change, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		f->command->render(stdout, change);
	/* Each at once, also into a pipe. */
	if (fflush(stdout))
		f->status = EXIT_FAILED;
	return f->status == EXIT_DONE;
}

static int
follow(const struct command *command, const char *socket_path, bool as_json)
{
	struct following f = {.command = command, .as_json = as_json, .status = EXIT_DONE};
	json_object *answer, *ok = NULL;
	char *reason;

	if (client_follow(socket_path, command->name, show_line, &f, &answer, &reason) !=
	    CLIENT_OK) {
		(void)fprintf(stderr, "metallbctl: %s\n", reason);
		free(reason);
		return EXIT_UNREACHABLE;
	}
	if (!json_object_object_get_ex(answer, "ok", &ok) || !json_object_get_boolean(ok))
		f.status = show_error(answer);
	json_object_put(answer);
	return f.status;
}

static const struct command *
choose_command(const char *word)
{
	const struct command *command;
	size_t candidates;

	command = command_find(word, &candidates);
	if (!command)
		(void)fprintf(stderr, "metallbctl: \"%s\" is %s command; see metallbctl -h\n", word,
		    candidates ? "the beginning of more than one" : "not a");
	return command;
}

int
main(int argc, char **argv)
{
	const char *socket_path = DEFAULT_SOCKET;
	const struct command *command;
	bool as_json = false;
	int opt, n_args;

	while ((opt = getopt(argc, argv, "hjs:V")) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		case 'j':
			as_json = true;
			break;
		case 's':
			socket_path = optarg;
			break;
		case 'V':
			(void)printf("metallbctl %s\n", PACKAGE_VERSION);
			return EXIT_DONE;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	command = choose_command(argv[optind++]);
	if (!command)
		return EXIT_USAGE;
	/* Options may also follow the command. */
	n_args = argc - optind;
	if (n_args > (command->argument ? 1 : 0) ||
	    (n_args == 0 && command->argument && !command->argument_optional)) {
		(void)fprintf(stderr, "metallbctl: usage: metallbctl %s%s%s%s%s\n", command->name,
		    command->argument ? " " : "", command->argument_optional ? "[" : "",
		    command->argument ? command->argument : "",
		    command->argument_optional ? "]" : "");
		return EXIT_USAGE;
	}
	if (command->answer == COMMAND_STREAMS)
		return follow(command, socket_path, as_json);
	return run(
	    command, socket_path, (const char *const *)argv + optind, (size_t)n_args, as_json);
}
