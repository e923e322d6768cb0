/*
 * print: the canonical text of settings and of their single values. Inside the room; config_print()
 * is in config.h.
 */
#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H

#include "config/keys.h"

struct strbuf;

#define PRINT_MASK "********"

/* Whether the value is absent and has no way to be written (an AS number that was not given). */
bool print_is_absent(const struct config_key *key, const void *object);
/*
 * The value of a key as written after "=", on one line except for CONFIG_OBJECTS, whose lines are
 * indented by `indent` tabs more. Not for CONFIG_GROUP. mask: secrets as PRINT_MASK.
 */
void print_value(const struct config_key *key, const void *object, unsigned indent, bool mask,
    struct strbuf *out);
/* The default as written, "" when there is none that can be written. */
void print_default(const struct config_key *key, struct strbuf *out);
/* A string in quotes, escaped as libconfig reads it. */
void print_string(const char *text, struct strbuf *out);

#endif
