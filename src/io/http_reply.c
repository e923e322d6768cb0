#include "io/http_reply.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define MAX_LENGTH (1u << 30) /* of a body or a chunk, long beyond what any reader here keeps */

struct span {
	const char *text;
	size_t len;
};

/* What the head says of the body. */
struct framing {
	int status;
	bool http10, chunked, bad;
	bool close, keep_alive; /* Connection: */
	bool has_length;
	size_t length;
};

static struct span
trim(struct span span)
{
	while (span.len && (*span.text == ' ' || *span.text == '\t'))
		span = (struct span){span.text + 1, span.len - 1};
	while (span.len && strchr(" \t\r", span.text[span.len - 1]))
		span.len--;
	return span;
}

static bool
is_word(struct span span, const char *word)
{
	return span.len == strlen(word) && !strncasecmp(span.text, word, span.len);
}

/* The next line without its end; false when there is no whole one. */
static bool
take_line(const char *bytes, size_t len, size_t *pos, struct span *ret_line)
{
	const char *end = memchr(bytes + *pos, '\n', len - *pos);

	if (!end)
		return false;
	*ret_line = (struct span){bytes + *pos, (size_t)(end - bytes) - *pos};
	*pos = (size_t)(end - bytes) + 1;
	if (ret_line->len && ret_line->text[ret_line->len - 1] == '\r')
		ret_line->len--;
	return true;
}

static bool
split_header(struct span line, struct span *ret_name, struct span *ret_value)
{
	const char *colon = memchr(line.text, ':', line.len);

	if (!colon)
		return false;
	*ret_name = (struct span){line.text, (size_t)(colon - line.text)};
	*ret_value = trim((struct span){colon + 1, line.len - ret_name->len - 1});
	return true;
}

/* --- the head --- */

/* "HTTP/1.1 200 OK" */
static bool
read_status(struct span line, struct framing *framing)
{
	size_t i;

	if (line.len < 12 || memcmp(line.text, "HTTP/1.", 7) ||
	    (line.text[7] != '0' && line.text[7] != '1') || line.text[8] != ' ' ||
	    (line.len > 12 && line.text[12] != ' '))
		return false;
	framing->http10 = line.text[7] == '0';
	for (i = 9; i < 12; i++) {
		if (line.text[i] < '0' || line.text[i] > '9')
			return false;
		framing->status = 10 * framing->status + (line.text[i] - '0');
	}
	return framing->status >= 100 && framing->status < 600;
}

static bool
read_length(struct span value, size_t *ret_length)
{
	size_t length = 0, i;

	for (i = 0; i < value.len; i++) {
		if (value.text[i] < '0' || value.text[i] > '9' || length > MAX_LENGTH)
			return false;
		length = 10 * length + (size_t)(value.text[i] - '0');
	}
	*ret_length = length;
	return value.len > 0;
}

/* A list of words with commas between them. */
static void
read_connection(struct span value, struct framing *framing)
{
	while (value.len) {
		const char *comma = memchr(value.text, ',', value.len);
		size_t len = comma ? (size_t)(comma - value.text) : value.len;
		struct span word = trim((struct span){value.text, len});

		framing->close |= is_word(word, "close");
		framing->keep_alive |= is_word(word, "keep-alive");
		len += comma != NULL;
		value = (struct span){value.text + len, value.len - len};
	}
}

static void
read_header(struct span line, struct framing *framing)
{
	struct span name, value;
	size_t length;

	if (!split_header(line, &name, &value))
		return;
	if (is_word(name, "content-length")) {
		if (!read_length(value, &length) ||
		    (framing->has_length && framing->length != length))
			framing->bad = true;
		framing->has_length = true;
		framing->length = length;
	} else if (is_word(name, "transfer-encoding")) {
		framing->bad |= framing->chunked || !is_word(value, "chunked");
		framing->chunked = true;
	} else if (is_word(name, "connection")) {
		read_connection(value, framing);
	}
}

/* From *pos to behind the empty line. */
static enum http_reply_verdict
read_head(const char *bytes, size_t len, size_t *pos, struct framing *ret_framing)
{
	struct framing framing = {0};
	struct span line;

	if (!take_line(bytes, len, pos, &line))
		return HTTP_REPLY_MORE;
	if (!read_status(line, &framing))
		return HTTP_REPLY_BAD;
	for (;;) {
		if (!take_line(bytes, len, pos, &line))
			return HTTP_REPLY_MORE;
		if (!line.len)
			break;
		read_header(line, &framing);
	}
	*ret_framing = framing;
	return framing.bad ? HTTP_REPLY_BAD : HTTP_REPLY_WHOLE;
}

/* --- the body --- */

/* "1f" or "1f;name=value" */
static bool
read_chunk_size(struct span line, size_t *ret_size)
{
	size_t size = 0, i;

	for (i = 0; i < line.len; i++) {
		char c = line.text[i];
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

		if (!c || !digit)
			break;
		if (size > MAX_LENGTH)
			return false;
		size = 16 * size + (size_t)(digit - digits);
	}
	if (!i || (i < line.len && !strchr("; \t", line.text[i])))
		return false;
	*ret_size = size;
	return true;
}

/* The chunks from *pos on; joined at `out`, unless that is NULL. Their trailers are passed over. */
static enum http_reply_verdict
read_chunks(const char *bytes, size_t len, size_t *pos, char *out, size_t *ret_len)
{
	struct span line;
	size_t size;

	*ret_len = 0;
	for (;;) {
		if (!take_line(bytes, len, pos, &line))
			return HTTP_REPLY_MORE;
		if (!read_chunk_size(line, &size))
			return HTTP_REPLY_BAD;
		if (!size)
			break;
		if (len - *pos < size)
			return HTTP_REPLY_MORE;
		if (out)
			memmove(out + *ret_len, bytes + *pos, size);
		*ret_len += size;
		*pos += size;
		if (!take_line(bytes, len, pos, &line))
			return HTTP_REPLY_MORE;
		if (line.len)
			return HTTP_REPLY_BAD;
	}
	do {
		if (!take_line(bytes, len, pos, &line))
			return HTTP_REPLY_MORE;
	} while (line.len);
	return HTTP_REPLY_WHOLE;
}

static enum http_reply_verdict
read_body(char *bytes, size_t len, size_t *pos, bool ended, const struct framing *framing,
    struct http_reply *reply)
{
	enum http_reply_verdict verdict;
	size_t begin = *pos;

	reply->body = bytes + begin;
	reply->body_len = 0;
	if (framing->status == 204 || framing->status == 304)
		return HTTP_REPLY_WHOLE;
	if (framing->chunked) {
		verdict = read_chunks(bytes, len, pos, NULL, &reply->body_len);
		if (verdict == HTTP_REPLY_WHOLE) {
			*pos = begin;
			(void)read_chunks(bytes, len, pos, bytes + begin, &reply->body_len);
		}
		return verdict;
	}
	if (framing->has_length) {
		reply->body_len = framing->length;
		if (len - begin < framing->length)
			return HTTP_REPLY_MORE;
		*pos += framing->length;
		return HTTP_REPLY_WHOLE;
	}
	*pos = len;
	reply->body_len = len - begin;
	return ended ? HTTP_REPLY_WHOLE : HTTP_REPLY_MORE;
}

/* RFC 9112 6.3 and 9.3. */
static bool
may_keep(const struct framing *framing)
{
	if (framing->chunked
		? framing->has_length || framing->http10
		: !framing->has_length && framing->status != 204 && framing->status != 304)
		return false;
	return !framing->close && (!framing->http10 || framing->keep_alive);
}

enum http_reply_verdict
http_reply_read(char *bytes, size_t len, bool ended, struct http_reply *ret_reply)
{
	enum http_reply_verdict verdict;
	struct framing framing = {0};
	struct http_reply reply = {0};
	size_t pos = 0, begin;

	do {
		begin = pos;
		verdict = read_head(bytes, len, &pos, &framing);
	} while (verdict == HTTP_REPLY_WHOLE && framing.status < 200 && framing.status != 101);
	if (verdict == HTTP_REPLY_WHOLE && framing.status == 101)
		verdict = HTTP_REPLY_BAD;
	if (verdict == HTTP_REPLY_WHOLE) {
		reply.status = framing.status;
		reply.head = bytes + begin;
		reply.head_len = pos - begin;
		verdict = read_body(bytes, len, &pos, ended, &framing, &reply);
	}
	if (verdict == HTTP_REPLY_MORE && ended)
		return HTTP_REPLY_BAD;
	if (verdict != HTTP_REPLY_WHOLE)
		return verdict;
	reply.keep = !ended && pos == len && may_keep(&framing);
	*ret_reply = reply;
	return HTTP_REPLY_WHOLE;
}

bool
http_reply_header(const struct http_reply *reply, const char *name, char *out, size_t size)
{
	struct span line, found, value;
	size_t pos = 0;

	while (take_line(reply->head, reply->head_len, &pos, &line)) {
		if (!split_header(line, &found, &value) || !is_word(found, name))
			continue;
		if (value.len >= size || memchr(value.text, '\0', value.len))
			return false;
		memcpy(out, value.text, value.len);
		out[value.len] = '\0';
		return true;
	}
	return false;
}
