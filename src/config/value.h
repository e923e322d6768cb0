/*
 * value: single values: text of metallb.conf -> member of the settings, with every check that the
 * value alone allows.
 *
 * All functions return NULL when the value is good, or what is wrong in one line, in the arena.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/keys.h"

struct arena;
struct community;
struct label;
struct selector;
struct settings_range;

/* `"TEXT": reason`, with foreign bytes escaped and long texts cut. */
const char *value_wrong(struct arena *arena, const char *text, const char *reason);

/* A scalar written as a string, into its member of `object`; also a default of any scalar. */
const char *
value_set_text(struct arena *arena, const struct config_key *key, const char *text, void *object);
/* CONFIG_UINT, CONFIG_ASN. */
const char *
value_set_number(struct arena *arena, const struct config_key *key, int64_t number, void *object);

/* One item of a list. ret is of family NONE, or NULL, when it is wrong. */
const char *value_parse_range(struct arena *arena, const char *text, struct settings_range *ret);
const char *
value_parse_selector(struct arena *arena, const char *text, struct selector **ret_selector);
/* "key=value"; splits it. */
const char *value_parse_label(struct arena *arena, const char *text, struct label *ret_label);
/* A string by its form; never empty. */
const char *value_check_form(struct arena *arena, enum config_form form, const char *text);

/* "A:B", "large:A:B:C" or a well-known name, with canonical text. */
const char *
value_parse_community(struct arena *arena, const char *text, struct community *ret_community);
/* Whether text is a well-known community's name. */
bool value_is_well_known_community(const char *text);
/* Their names by number; NULL after the last one. */
const char *value_well_known_community(size_t i);
/* "64512", "1.10" (RFC 5396). 0 or -EINVAL or -ERANGE. */
int value_parse_asn(const char *text, uint32_t *ret_asn);
/* The host of https://HOST[:PORT], without brackets, in the arena; NULL when it is no such URL. */
const char *value_server_host(struct arena *arena, const char *url);

#endif
