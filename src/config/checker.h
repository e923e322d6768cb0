/*
 * checker: what the check_*.c files share.
 */
#ifndef CONFIG_CHECKER_H
#define CONFIG_CHECKER_H

#include "config/tree.h"
#include "model/settings.h"

struct checker {
	struct settings *settings;
	const struct tree *root;
	const struct config_environment *environment;
	struct config_report *report;
	struct arena *arena;   /* of the settings */
	struct arena *scratch; /* ends with the checks */
	bool built_well;       /* no error so far: every value is there */
	/* Names of the objects, by index. */
	struct string_list pools, peers, profiles, aliases;
	struct string_list communities; /* names that an advertisement may use */
};

/* Whether two lists of selectors can select the same thing. An empty list selects all. */
enum overlap {
	OVERLAP_NO,    /* provably not */
	OVERLAP_MAYBE, /* depends on the labels that there are */
	OVERLAP_YES,
	OVERLAP_COUNT
};

/* path is that of the key in the file; its place is looked up, or that of what is around it. */
void checker_fail(struct checker *c, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void checker_warn(struct checker *c, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A path or other text, for as long as the checks last. */
const char *
checker_text(struct checker *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Whether the file has this key, and not as an empty string. */
bool checker_given(const struct checker *c, const char *path);
/* Whether an error about this very key was reported: follow-ups would only confuse. */
bool checker_is_wrong(const struct checker *c, const char *path);
/* "FILE:LINE" of a key. */
const char *checker_place(struct checker *c, const char *path);

/* The name that `text` was probably meant to be, or NULL. */
const char *checker_suggest(const struct string_list *names, const char *text);
/* An error when `name` is in the file and not one of `names`; `what` as in "no such WHAT". */
void checker_reference(struct checker *c, const char *path, const char *name,
    const struct string_list *names, const char *what);
/* The same for a list of names and globs at `path`. */
void checker_references(struct checker *c, const char *path, const struct string_list *globs,
    const struct string_list *names, const char *what);
/* An error for each name that an earlier object has too. */
void checker_unique(struct checker *c, const char *path, const struct string_list *names);
enum overlap checker_overlap(const struct selector_list *a, const struct selector_list *b);

/* Parts of check_settings(). */
void check_pools(struct checker *c);
void check_bgp(struct checker *c);

#endif
