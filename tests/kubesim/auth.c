#include "auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"

static bool
add_line(struct auth *auth, char *line)
{
	char *user = strchr(line, ','), *uid;

	if (user == NULL || user == line)
		return false;
	*user++ = '\0';
	uid = strchr(user, ',');
	if (uid == NULL || uid == user)
		return false;
	*uid = '\0';
	auth->tokens = sim_realloc(auth->tokens, auth->count + 1, sizeof(*auth->tokens));
	auth->tokens[auth->count++] = (struct token){
	    .token = sim_strdup(line), .user = sim_strdup(user)};
	return true;
}

int
auth_read(struct auth *auth, const char *file, int *ret_line)
{
	FILE *f = fopen(file, "re");
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	*ret_line = 0;
	if (f == NULL)
		return -errno;
	auth->required = true;
	while (r == 0 && getline(&line, &size, f) >= 0) {
		++*ret_line;
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '\0' && line[0] != '#' && !add_line(auth, line))
			r = -EINVAL;
	}
	free(line);
	fclose(f);
	return r;
}

void
auth_fini(struct auth *auth)
{
	for (size_t i = 0; i < auth->count; i++) {
		free(auth->tokens[i].token);
		free(auth->tokens[i].user);
	}
	free(auth->tokens);
	*auth = (struct auth){0};
}

const char *
auth_user(const struct auth *auth, const char *authorization, const char *certificate)
{
	const char *token;

	if (certificate != NULL)
		return certificate;
	if (!auth->required)
		return "admin";
	if (authorization[0] == '\0')
		return "";
	if (strncasecmp(authorization, "Bearer ", strlen("Bearer ")) != 0)
		return NULL;
	token = authorization + strlen("Bearer ");
	for (size_t i = 0; i < auth->count; i++)
		if (strcmp(auth->tokens[i].token, token) == 0)
			return auth->tokens[i].user;
	return NULL;
}
