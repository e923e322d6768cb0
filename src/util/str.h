/*
 * str: strings that grow, text made safe for logs, and small parsers that several rooms need.
 */
#ifndef UTIL_STR_H
#define UTIL_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing, always zero-terminated string. All zeros is a valid empty one. */
struct strbuf {
	char *text; /* NULL while empty and never written */
	size_t len, cap;
};

void strbuf_free(struct strbuf *sb);
/* Keeps the memory for reuse. */
void strbuf_clear(struct strbuf *sb);
void strbuf_add(struct strbuf *sb, const char *s);
void strbuf_addn(struct strbuf *sb, const char *s, size_t n);
void strbuf_addc(struct strbuf *sb, char c);
void strbuf_printf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/*
 * Adds foreign text for one line of a log: control characters, quotes, backslashes and bytes
 * outside ASCII come as \xNN, at most `max` input bytes, then "...".
 */
void strbuf_add_quoted(struct strbuf *sb, const char *s, size_t max);
/* The text, "" when empty. Valid until the next change. */
const char *strbuf_text(const struct strbuf *sb);
/* The text as a heap string that the caller frees; sb is empty afterwards. */
char *strbuf_detach(struct strbuf *sb);

bool str_eq(const char *a, const char *b);
/* Both NULL are equal. */
bool str_eq_null(const char *a, const char *b);
bool str_has_prefix(const char *s, const char *prefix);
/* Shell glob (*, ?, [..]) over the whole string; `/` is an ordinary character. */
bool str_glob(const char *pattern, const char *s);
/* Edit distance (insert, delete, replace, swap of neighbours), counted up to `max`; max + 1 when
 * larger. For "did you mean". */
unsigned str_distance(const char *a, const char *b, unsigned max);
/* The bounded copy: always terminated; false when it did not fit. */
bool str_copy(char *out, size_t size, const char *s);

/*
 * Times as in metallb.conf: a whole number and one unit of "us", "ms", "s", "m", "h" ("300ms"); "0"
 * needs no unit. 0, or -EINVAL (form), or -ERANGE (over 1000 hours).
 */
int str_parse_duration(const char *s, int64_t *ret_usec);
/* The shortest such form: "90s", "1500ms", "5m". out[24] fits every value. */
void str_format_duration(int64_t usec, char *out, size_t size);
/* Unsigned decimal, digits only, at most `max`. 0 or -EINVAL or -ERANGE. */
int str_parse_uint(const char *s, uint64_t max, uint64_t *ret_value);

/*
 * Wall-clock time for people and for Kubernetes objects: RFC 3339 in UTC with microseconds
 * ("2026-11-23T00:05:00.000000Z"), as in metav1.MicroTime. out[32] fits.
 */
void str_format_time(int64_t unix_usec, char *out, size_t size);
/* RFC 3339, with or without a fraction, any offset. 0 or -EINVAL. */
int str_parse_time(const char *s, int64_t *ret_unix_usec);

#endif
