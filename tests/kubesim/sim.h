/*
 * sim: the whole simulated API server: one event loop, one thread.
 */
#ifndef KUBESIM_SIM_H
#define KUBESIM_SIM_H

#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "auth.h"
#include "cluster.h"
#include "fault.h"
#include "resource.h"
#include "store.h"

struct conn;
struct watch;
TAILQ_HEAD(conn_list, conn);
TAILQ_HEAD(watch_list, watch);

enum {
	SIM_LISTENERS_MAX = 16,
	SIM_CONNS_MAX = 4096,
};

struct listener {
	struct sockaddr_storage addr; /* with the port that it really got */
	socklen_t len;
	struct evconnlistener *ev; /* NULL while the server plays dead */
};

struct stats {
	struct json_object *requests; /* "create services" -> count */
	struct json_object *users;
	int64_t bytes_in, bytes_out, accepted, faults;
};

struct sim {
	struct event_base *base;
	struct cluster cluster;
	struct store *store;
	struct faults faults;
	struct auth auth;
	SSL_CTX *tls; /* NULL: plain HTTP */
	struct listener listeners[SIM_LISTENERS_MAX];
	size_t listener_count;
	struct conn_list conns, dead;
	size_t conn_count;
	struct event *reaper, *up_timer;
	int down_ms; /* > 0: go down when the answer is out */
	struct watch_list watches[RESOURCE_COUNT];
	size_t watch_count;
	struct stats stats;
	bool verbose;
};

#endif
