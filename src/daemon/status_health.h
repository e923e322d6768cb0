/*
 * status_health: what is known of health, for status, services and the metrics page.
 */
#ifndef DAEMON_STATUS_HEALTH_H
#define DAEMON_STATUS_HEALTH_H

struct daemon;
struct json_object;
struct service;
struct strbuf;

/* `health` of status. */
void status_put_health(const struct daemon *daemon, struct json_object *status);
/* `health` of one of services. */
void status_put_service_health(
    const struct daemon *daemon, struct json_object *object, const struct service *service);
/* metallb_health_... */
void status_add_health_metrics(const struct daemon *daemon, struct strbuf *out);

#endif
