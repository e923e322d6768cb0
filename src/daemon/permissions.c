#include "daemon/permissions.h"

#include <stdlib.h>

#include "daemon/api.h"
#include "io/loop.h"
#include "model/settings.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

enum answer {
	ANSWER_UNKNOWN,
	ANSWER_ALLOWED,
	ANSWER_DENIED
};

struct permissions {
	struct loop *loop;
	struct api *api;
	const struct settings *settings;
	enum answer *answers; /* of the last whole round, or as far as this one came */
	bool running;         /* a round is under way: */
	size_t next;          /* to be asked */
	bool again;           /* a round was asked for meanwhile, with other credentials */
	bool asked;           /* any round, with the credentials of this generation: */
	unsigned generation;
	mono_t ended; /* the last whole round; MONO_NEVER: none */
	char *error, *said;
	struct loop_deferred send;
};

static bool
is_needed(const struct permissions *p, const struct kube_right *right)
{
	size_t i;

	switch (right->scope) {
	case KUBE_RIGHT_ALWAYS:
		return true;
	case KUBE_RIGHT_NODE_LABELS:
		return p->settings->node.read_labels;
	case KUBE_RIGHT_NAMESPACE_LABELS:
		for (i = 0; i < p->settings->n_pools; i++)
			if (p->settings->pools[i].namespace_selectors.count)
				return true;
		return false;
	}
	return false;
}

static void
say_missing(struct permissions *p)
{
	struct strbuf text = {0};
	char *right;
	size_t i;

	for (i = 0; i < kube_n_rights; i++) {
		if (p->answers[i] != ANSWER_DENIED)
			continue;
		right = kube_right_text(&kube_rights[i], p->settings->kubernetes.namespace);
		strbuf_printf(&text, "%s%s", text.len ? ", " : "", right);
		free(right);
	}
	if (text.len && !str_eq(p->said, strbuf_text(&text)))
		log_warning(
		    "api this account may not %s: apply rbac.yaml of the package, or bind its roles to the account",
		    strbuf_text(&text));
	free(p->said);
	p->said = strbuf_detach(&text);
}

static void
begin_round(struct permissions *p)
{
	p->again = false;
	p->running = true;
	p->next = 0;
	loop_defer(&p->send);
}

static void
end_round(struct permissions *p, char *error)
{
	p->running = false;
	free(p->error);
	p->error = error;
	p->ended = MONO_NEVER;
	if (!error) {
		p->ended = loop_now(p->loop);
		say_missing(p);
	}
	if (p->again)
		begin_round(p);
}

static void
on_answer(void *arg, const struct api_answer *answer)
{
	struct permissions *p = arg;
	bool allowed;

	if (answer->result != API_ANSWERED) {
		p->asked = false;
		end_round(p, xstrdup(answer->error));
		return;
	}
	if (answer->status >= 300) {
		end_round(p,
		    xasprintf(
			"the server answers %d to a SelfSubjectAccessReview", answer->status));
		return;
	}
	if (kube_review_decode(answer->body, answer->body_len, &allowed)) {
		end_round(p,
		    xstrdup("the server's answer to a SelfSubjectAccessReview is not "
			    "readable"));
		return;
	}
	p->answers[p->next++] = allowed ? ANSWER_ALLOWED : ANSWER_DENIED;
	loop_defer(&p->send);
}

static void
send_next(void *arg)
{
	struct permissions *p = arg;
	char *body;

	while (p->next < kube_n_rights && !is_needed(p, &kube_rights[p->next]))
		p->answers[p->next++] = ANSWER_UNKNOWN;
	if (p->next == kube_n_rights) {
		end_round(p, NULL);
		return;
	}
	body = kube_review_encode(&kube_rights[p->next], p->settings->kubernetes.namespace);
	api_call(p->api,
	    &(struct api_options){.method = "POST",
		.path = KUBE_REVIEW_PATH,
		.content_type = "application/json",
		.body = body,
		.on_done = on_answer,
		.arg = p});
	free(body);
}

void
permissions_ask(struct permissions *p)
{
	if (permissions_asking(p) ||
	    (!mono_is_never(p->ended) &&
		mono_diff_usec(loop_now(p->loop), p->ended) < PERMISSIONS_PAUSE_USEC))
		return;
	begin_round(p);
}

bool
permissions_asking(const struct permissions *p)
{
	return p->running;
}

void
permissions_api_changed(struct permissions *p)
{
	if (api_status(p->api).state != API_CONNECTED ||
	    (p->asked && p->generation == api_generation(p->api)))
		return;
	p->asked = true;
	p->generation = api_generation(p->api);
	if (permissions_asking(p))
		p->again = true;
	else
		begin_round(p);
}

struct permissions *
permissions_new(struct loop *loop, struct api *api, const struct settings *settings)
{
	struct permissions *p = xcalloc(1, sizeof(*p));

	p->loop = loop;
	p->api = api;
	p->settings = settings;
	p->answers = xcalloc(kube_n_rights, sizeof(*p->answers));
	p->ended = MONO_NEVER;
	p->said = xstrdup("");
	loop_deferred_init(&p->send, loop, send_next, p);
	return p;
}

void
permissions_free(struct permissions *p)
{
	if (!p)
		return;
	loop_deferred_fini(&p->send);
	free(p->answers);
	free(p->error);
	free(p->said);
	free(p);
}

void
permissions_set_settings(struct permissions *p, const struct settings *settings)
{
	p->settings = settings;
}

struct permissions_view
permissions_view(const struct permissions *p, size_t i)
{
	return (struct permissions_view){.right = &kube_rights[i],
	    .needed = is_needed(p, &kube_rights[i]),
	    .known = p->answers[i] != ANSWER_UNKNOWN,
	    .allowed = p->answers[i] == ANSWER_ALLOWED};
}

const char *
permissions_error(const struct permissions *p)
{
	return p->error;
}
