/*
 * keys: the table of everything that metallb.conf may hold. It drives reading, printing, diffing,
 * the key reference of metallb.conf(5) and etc/metallb.conf; nothing else in the room knows a key
 * by name except the checks that join several keys (check.c).
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* What a value is, and with it which member of the settings holds it. */
enum config_type {
	CONFIG_GROUP,     /* { }: a struct inside the object */
	CONFIG_OBJECTS,   /* ( { }, ... ): pointer and count */
	CONFIG_STRING,    /* const char * */
	CONFIG_SECRET,    /* const char *, masked in print and in messages */
	CONFIG_BOOL,      /* bool */
	CONFIG_UINT,      /* uint8_t, uint16_t or uint32_t by `size` */
	CONFIG_DURATION,  /* int64_t in microseconds */
	CONFIG_ENUM,      /* an enum whose values count from 0 in the order of `words` */
	CONFIG_ASN,       /* uint32_t */
	CONFIG_ADDRESS,   /* struct ip_addr */
	CONFIG_STRINGS,   /* struct string_list */
	CONFIG_LABELS,    /* struct labels, written ["key=value", ...] */
	CONFIG_RANGES,    /* struct settings_range *, and count */
	CONFIG_SELECTOR,  /* const struct selector * */
	CONFIG_SELECTORS, /* struct selector_list */
	CONFIG_COMMUNITY, /* struct community */
	CONFIG_TYPE_COUNT
};

/* Syntax of a string, or of each item of CONFIG_STRINGS. */
enum config_form {
	FORM_ANY,    /* printable */
	FORM_PATH,   /* absolute */
	FORM_SOCKET, /* absolute, and short enough for sun_path */
	FORM_NAME,   /* of a pool, peer, ... : letters, digits, "-", "_", "." */
	FORM_NAME_GLOB,
	FORM_NODE,      /* RFC 1123 subdomain; "node-" before it must still be a Lease's name */
	FORM_NAMESPACE, /* RFC 1123 label */
	FORM_NAMESPACE_GLOB,
	FORM_CLASS,  /* spec.loadBalancerClass */
	FORM_HOST,   /* host name or literal address */
	FORM_SERVER, /* https://HOST[:PORT] */
	FORM_INTERFACE,
	FORM_INTERFACE_GLOB,
	FORM_COMMUNITY, /* literal, well-known name or alias */
	FORM_GROUP,     /* of the operating system */
	FORM_ADDRESS,   /* literal address kept as text */
	FORM_PASSWORD,  /* TCP-MD5 key */
	FORM_COUNT
};

struct config_section;

struct config_key {
	const char *name;
	enum config_type type;
	enum config_form form;
	size_t offset, size; /* of the member in the section's struct */
	size_t count_offset; /* of its size_t count: CONFIG_OBJECTS, CONFIG_RANGES */
	int64_t min, max;    /* CONFIG_UINT, CONFIG_ASN; CONFIG_DURATION in microseconds */
	int64_t step;        /* CONFIG_DURATION: a multiple of it */
	size_t max_items;    /* of any list */
	bool zero;           /* CONFIG_DURATION: 0 is allowed below min */
	bool never;          /* CONFIG_DURATION: "never" is INT64_MAX */
	bool required;
	bool empty;               /* CONFIG_STRING: "" is allowed although it is not the default */
	bool ordered;             /* list whose order means something (shared hash, diff) */
	bool later;               /* checked, but does not act in this version */
	const char *const *words; /* CONFIG_ENUM, NULL at the end */
	const char *initial;      /* default of a scalar, without quotes; NULL: none */
	const char *const
	    *initial_items;      /* default of CONFIG_STRINGS, NULL at the end; NULL: empty */
	const char *initial_doc; /* how the default is told when `initial` cannot say it */
	const char *example;     /* for etc/metallb.conf, as written there; NULL: the default */
	enum config_effect effect;
	const struct config_section *section; /* CONFIG_GROUP, CONFIG_OBJECTS */
	const char *doc;                      /* plain text, full sentences */
};

struct config_section {
	const char *path; /* "bgp.peers"; "" for the file itself */
	size_t size;      /* of its struct */
	const struct config_key *keys;
	size_t n_keys;
	bool shared;       /* part of settings.shared_hash */
	bool later;        /* as in struct config_key */
	const char *reset; /* what CONFIG_RESET resets: "the session with this peer" */
	const char *doc;
};

/* The file: its keys are the groups and lists. Its struct is struct settings. */
extern const struct config_section config_root;

/* NULL when there is none. */
const struct config_key *config_key_find(const struct config_section *section, const char *name);
/* The key's name that `name` was probably meant to be (MetalLB's spelling is understood), or NULL.
 */
const char *config_key_suggest(const struct config_section *section, const char *name);
/* The member of `object`, a struct of the key's section. */
void *config_member(const struct config_key *key, void *object);
const void *config_member_const(const struct config_key *key, const void *object);
/* Members of CONFIG_OBJECTS and CONFIG_RANGES. */
size_t config_count(const struct config_key *key, const void *object);
const void *config_element(const struct config_key *key, const void *object, size_t i);
/* In words, for the man page and messages: "time from 3s to 1h in whole seconds". Into out. */
struct strbuf;
void config_key_describe(const struct config_key *key, struct strbuf *out);

#endif
