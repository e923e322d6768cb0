/*
 * convert: MetalLB's configuration -> metallb.conf. Custom resources of metallb.io and the
 * ConfigMap of MetalLB 0.12 and before, as JSON or YAML (source.h).
 *
 * What has no equivalent, what is different here and what MetalLB ignores comes out as a comment in
 * its place. What metallbd would refuse does too: the caller gives a check, by which each text is
 * judged before it is given out, so that this room need not know again what src/config knows.
 *
 * Pure: texts in, text out. Everything is owned by struct convert.
 */
#ifndef CONVERT_CONVERT_H
#define CONVERT_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

struct convert;
struct convert_faults;
struct strbuf;

/* Objects beyond are an error: metallb.conf could not hold them. */
#define CONVERT_MAX_RESOURCES 10000

struct convert_options {
	const char *namespace; /* only its objects count; NULL: metallb-system, or the only one */
	bool passwords;        /* print them, instead of the name of a file */
	const char *version;   /* for the first line of the output */
};

/* The name of the text for messages of a convert_check_fn: "metallb.conf:12". */
#define CONVERT_NAME "metallb.conf"

/*
 * Judges a text, to which messages refer as CONVERT_NAME, and calls convert_fault() for each error
 * in it: the path of its key ("bgp.peers[0].password") and what is wrong.
 */
typedef void
convert_check_fn(void *arg, const char *text, size_t len, struct convert_faults *faults);
void convert_fault(struct convert_faults *faults, const char *path, const char *reason);

/* The strings of options must outlive it. */
struct convert *convert_new(const struct convert_options *options) __attribute__((returns_nonnull));
void convert_free(struct convert *convert);
/* One text; `name` is for messages. 0, or -errno after one line without newline in err_line. */
int convert_add(struct convert *convert, const char *name, const char *text, size_t len,
    struct strbuf *err_line);
/* Call it once, after all texts: appends the file. 0, or -EINVAL after one line in err_line. */
int convert_finish(struct convert *convert, convert_check_fn *check, void *arg, struct strbuf *out,
    struct strbuf *err_line);

#endif
