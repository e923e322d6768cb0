/*
 * render: answers of the daemon as text for people. Members that are missing show as "-": a daemon
 * of another version must not crash its client.
 */
#ifndef CTL_RENDER_H
#define CTL_RENDER_H

#include <stdio.h>

struct json_object;

void render_status(FILE *out, struct json_object *data);
void render_services(FILE *out, struct json_object *data);
void render_explain(FILE *out, struct json_object *data);
void render_pools(FILE *out, struct json_object *data);
void render_leases(FILE *out, struct json_object *data);
void render_l2(FILE *out, struct json_object *data);
void render_peers(FILE *out, struct json_object *data);
void render_routes(FILE *out, struct json_object *data);
void render_doctor(FILE *out, struct json_object *data);
/* A line of monitor. */
void render_change(FILE *out, struct json_object *data);
void render_log(FILE *out, struct json_object *data);
void render_drain(FILE *out, struct json_object *data); /* of undrain too */
void render_reload(FILE *out, struct json_object *data);

#endif
