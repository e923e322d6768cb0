/*
 * source: texts in JSON or YAML -> trees of json-c objects.
 *
 * A text that begins with "{" or "[" is JSON, several values may follow one another; all other
 * texts are YAML, with several documents. Plain scalars of YAML get their types here and nowhere
 * else, as the YAML library of Kubernetes types them (YAML 1.1: yes, on, 0x1f); what is quoted is a
 * string. source_text() gives the letters of a scalar back, whatever its type.
 */
#ifndef CONVERT_SOURCE_H
#define CONVERT_SOURCE_H

#include <stddef.h>

struct json_object;
struct strbuf;

#define SOURCE_MAX_BYTES (16u << 20) /* one text: kubectl's JSON of a thousand objects has 3 MB */
#define SOURCE_MAX_DEPTH 64
#define SOURCE_MAX_NODES 500000 /* of YAML in one text, aliases counted as what they stand for */
#define SOURCE_MAX_DOCUMENTS 10000
#define SOURCE_MAX_ANCHORS 1000

struct source {
	struct json_object **documents; /* no NULLs */
	size_t n, cap;
};

/*
 * Adds the documents of a text. 0; or -EINVAL, or -EFBIG, after one line "NAME:LINE: what" without
 * a newline in err_line; documents before the fault may have been added.
 */
int source_parse(
    struct source *source, const char *name, const char *text, size_t len, struct strbuf *err_line);
void source_fini(struct source *source);

/* A scalar as it was written; NULL when it is none, or holds a zero byte. */
const char *source_text(struct json_object *scalar);

#endif
