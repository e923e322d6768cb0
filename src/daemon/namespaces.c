#include "daemon/namespaces.h"

#include <stdlib.h>

#include <json-c/json.h>

#include "daemon/api.h"
#include "io/loop.h"
#include "kube/json.h"
#include "kube/namespace.h"
#include "kube/path.h"
#include "util/list.h"
#include "util/mem.h"

#define ROUND_USEC (60 * USEC_PER_SEC)
#define RETRY_USEC (5 * USEC_PER_SEC)

struct question {
	TAILQ_ENTRY(question) entry; /* until it is sent */
	struct namespaces *namespaces;
	char *name;
};

struct namespaces {
	struct loop *loop;
	struct api *api;
	const struct namespaces_ops *ops;
	void *arg;
	TAILQ_HEAD(, question) questions;
	unsigned n_in_flight;
	struct loop_deferred send;
	struct loop_timer round;
};

static void
question_free(struct question *question)
{
	free(question->name);
	free(question);
}

static void
question_done(void *arg, const struct api_answer *answer)
{
	struct question *question = arg;
	struct namespaces *namespaces = question->namespaces;
	struct kube_namespace *namespace = NULL;
	struct json_object *json;
	bool good = answer->result == API_ANSWERED && answer->status < 300;
	bool cannot_be_read = answer->result == API_ANSWERED &&
	    (answer->status == 404 || answer->status == 403);

	namespaces->n_in_flight--;
	if (good &&
	    kube_json_parse(answer->body, answer->body_len, KUBE_JSON_MAX_OBJECT_BYTES, &json) ==
		KUBE_OK) {
		(void)kube_namespace_decode(json, &namespace);
		json_object_put(json);
	}
	/* Anything else is no news: what was known stays, and it is asked again. */
	if (namespace || cannot_be_read)
		namespaces->ops->labels(
		    namespaces->arg, question->name, namespace ? &namespace->labels : NULL);
	else
		loop_timer_set(&namespaces->round,
		    mono_min(namespaces->round.deadline,
			mono_add_usec(loop_now(namespaces->loop), RETRY_USEC)));
	loop_defer(&namespaces->send);
	kube_namespace_free(namespace);
	question_free(question);
}

static void
send_questions(void *arg)
{
	struct namespaces *namespaces = arg;
	struct question *question;
	char *path;

	while (namespaces->n_in_flight < NAMESPACES_MAX_IN_FLIGHT &&
	    (question = TAILQ_FIRST(&namespaces->questions))) {
		TAILQ_REMOVE(&namespaces->questions, question, entry);
		namespaces->n_in_flight++;
		path = kube_path_namespace(question->name);
		api_call(namespaces->api,
		    &(struct api_options){
			.method = "GET", .path = path, .on_done = question_done, .arg = question});
		free(path);
	}
}

static void
next_round(void *arg)
{
	struct namespaces *namespaces = arg;

	/* Not again before the last round has ended. */
	if (TAILQ_EMPTY(&namespaces->questions))
		namespaces->ops->round(namespaces->arg);
	loop_timer_set(&namespaces->round, mono_add_usec(loop_now(namespaces->loop), ROUND_USEC));
}

void
namespaces_ask(struct namespaces *namespaces, const char *name)
{
	struct question *question = xcalloc(1, sizeof(*question));

	question->namespaces = namespaces;
	question->name = xstrdup(name);
	TAILQ_INSERT_TAIL(&namespaces->questions, question, entry);
	loop_defer(&namespaces->send);
}

void
namespaces_forget(struct namespaces *namespaces)
{
	struct question *question;

	while ((question = TAILQ_FIRST(&namespaces->questions))) {
		TAILQ_REMOVE(&namespaces->questions, question, entry);
		question_free(question);
	}
}

struct namespaces *
namespaces_new(struct loop *loop, struct api *api, const struct namespaces_ops *ops, void *arg)
{
	struct namespaces *namespaces = xcalloc(1, sizeof(*namespaces));

	namespaces->loop = loop;
	namespaces->api = api;
	namespaces->ops = ops;
	namespaces->arg = arg;
	TAILQ_INIT(&namespaces->questions);
	loop_deferred_init(&namespaces->send, loop, send_questions, namespaces);
	loop_timer_init(&namespaces->round, loop, next_round, namespaces);
	loop_timer_set(&namespaces->round, mono_add_usec(loop_now(loop), ROUND_USEC));
	return namespaces;
}

void
namespaces_free(struct namespaces *namespaces)
{
	if (!namespaces)
		return;
	namespaces_forget(namespaces);
	loop_deferred_fini(&namespaces->send);
	loop_timer_fini(&namespaces->round);
	free(namespaces);
}
