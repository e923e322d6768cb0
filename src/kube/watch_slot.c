#include "kube/watch_slot.h"

#include <assert.h>
#include <string.h>

#include "kube/error.h"
#include "kube/list.h"

#define KEEP_BUFFER_BYTES (64u << 10)

void
kube_watch_slot_clear(struct kube_watch_slot *slot)
{
	kube_list_free(slot->list);
	slot->list = NULL;
	strbuf_free(&slot->buffer);
	slot->id = 0;
	slot->to_start = false;
}

void
kube_watch_slot_ask(struct kube_watch_slot *slot, uint32_t *last_id,
    enum kube_watch_request request, bool fresh_connection, int64_t answer_usec, mono_t now)
{
	assert(!slot->id);
	if (!++*last_id)
		*last_id = 1;
	slot->id = *last_id;
	slot->request = request;
	slot->to_start = true;
	slot->fresh_connection = fresh_connection;
	slot->status = 0;
	slot->retry_after_sec = -1;
	slot->sent = now;
	slot->deadline = mono_add_usec(now, answer_usec);
}

void
kube_watch_slot_cancel(struct kube_watch_slot *slot, bool suspect)
{
	if (slot->id && !slot->to_start) {
		slot->cancel_id = slot->id;
		slot->cancel_request = slot->request;
		slot->cancel_suspect = suspect;
	}
	kube_watch_slot_clear(slot);
}

bool
kube_watch_slot_take_cancel(struct kube_watch_slot *slot, struct kube_watch_action *ret_action)
{
	if (!slot->cancel_id)
		return false;
	*ret_action = (struct kube_watch_action){
	    .type = KUBE_WATCH_CANCEL,
	    .id = slot->cancel_id,
	    .request = slot->cancel_request,
	    .server_suspect = slot->cancel_suspect,
	};
	slot->cancel_id = 0;
	return true;
}

void
kube_watch_slot_ended(struct kube_watch_slot *slot, uint32_t id)
{
	if (slot->cancel_id == id)
		slot->cancel_id = 0;
}

bool
kube_watch_slot_is(const struct kube_watch_slot *slot, uint32_t id)
{
	return id && slot->id == id && !slot->to_start;
}

void
kube_watch_slot_keep(struct kube_watch_slot *slot, const char *data, size_t len)
{
	size_t room = KUBE_ERROR_MAX_BODY - slot->buffer.len;

	strbuf_addn(&slot->buffer, data, len < room ? len : room);
}

static bool
is_blank(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r' && s[i] != '\n')
			return false;
	return true;
}

bool
kube_watch_slot_cut(struct kube_watch_slot *slot, const char *data, size_t len,
    kube_watch_line_fn *fn, void *arg, mono_t now)
{
	uint32_t id = slot->id;

	while (len && slot->id == id) {
		const char *newline = memchr(data, '\n', len);
		size_t n = newline ? (size_t)(newline - data) : len;

		if (n > KUBE_WATCH_MAX_LINE - slot->buffer.len)
			return false;
		if (!newline) {
			strbuf_addn(&slot->buffer, data, n);
			return true;
		}
		if (slot->buffer.len) {
			struct strbuf line = slot->buffer;

			/* `fn` may end the request, and with it the slot's buffer. */
			slot->buffer = (struct strbuf){0};
			strbuf_addn(&line, data, n);
			if (!is_blank(line.text, line.len))
				fn(arg, line.text, line.len, now);
			if (slot->id == id && line.cap <= KEEP_BUFFER_BYTES) {
				strbuf_clear(&line);
				slot->buffer = line;
			} else {
				strbuf_free(&line);
			}
		} else if (!is_blank(data, n)) {
			fn(arg, data, n, now);
		}
		data += n + 1;
		len -= n + 1;
	}
	return true;
}

bool
kube_watch_slot_has_rest(const struct kube_watch_slot *slot)
{
	return !is_blank(strbuf_text(&slot->buffer), slot->buffer.len);
}

size_t
kube_watch_slot_buffered(const struct kube_watch_slot *slot)
{
	return slot->buffer.len + (slot->list ? kube_list_buffered(slot->list) : 0);
}
