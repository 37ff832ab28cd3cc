FROM python:3.11
ENV SHELL=/bin/bash
RUN (grep -q '^[^:]*:[^:]*:3333:' /etc/group || echo 'polyaxon:x:3333:' >> /etc/group) && (grep -q '^[^:]*:[^:]*:2222:' /etc/passwd || echo 'polyaxon:x:2222:3333::/code:/bin/bash' >> /etc/passwd) && mkdir -p /code && chown 2222:3333 /code
WORKDIR /code
COPY --chown=2222:3333 requirements.txt /code/requirements.txt
COPY --chown=2222:3333 . /code
