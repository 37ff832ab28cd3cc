FROM host:5000/ada/mnist:1
ENV LC_ALL="C.UTF-8"
ENV LANG="C.UTF-8"
ENV LANGUAGE="C.UTF-8"
ENV SHELL=/bin/bash
RUN (grep -q '^[^:]*:[^:]*:2222:' /etc/group || echo 'polyaxon:x:2222:' >> /etc/group) && (grep -q '^[^:]*:[^:]*:2222:' /etc/passwd || echo 'polyaxon:x:2222:2222::/code:/bin/bash' >> /etc/passwd) && mkdir -p /code && chown 2222:2222 /code
ENV PATH="${PATH}:/usr/local/nvidia/bin"
ENV A="b"
WORKDIR /code
COPY --chown=2222:2222 polyaxon_requirements.txt /code/polyaxon_requirements.txt
COPY --chown=2222:2222 setup.sh /code/setup.sh
RUN chmod +x /code/setup.sh
RUN pip install -r polyaxon_requirements.txt
COPY --chown=2222:2222 . /code
