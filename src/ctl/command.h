/*
 * command: the one table of what metallbctl can do. Parsing, prefix matching, help, the manual's
 * list and completion are taken from it.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct json_object;

enum command_answer {
	COMMAND_ANSWERS,
	COMMAND_WAITS,   /* the answer comes when it is done, which the daemon bounds */
	COMMAND_STREAMS, /* lines follow until it is interrupted; `render` gets each */
	COMMAND_JUDGES,  /* with `errors` in the answer above 0 the exit status is 1 */
};

struct command {
	const char *name;
	const char *argument; /* as shown in help, NULL: takes none */
	bool argument_optional;
	bool changes; /* needs root or the control group */
	enum command_answer answer;
	const char *help;
	/* Prints the answer's `data` as text. */
	void (*render)(FILE *out, struct json_object *data);
};

extern const struct command commands[];
extern const size_t n_commands;

/*
 * The command of that name or of which it is the only prefix. NULL otherwise; then *ret_candidates
 * is how many it could be (0: none).
 */
const struct command *command_find(const char *word, size_t *ret_candidates);
/* The verdict of COMMAND_JUDGES. */
bool command_finds_errors(struct json_object *data);
/* One aligned line each. */
void command_help(FILE *out);

#endif
