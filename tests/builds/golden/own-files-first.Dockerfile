FROM python:3.11
ENV SHELL=/bin/bash
WORKDIR /code
COPY polyaxon_requirements.txt /code/polyaxon_requirements.txt
COPY polyaxon_conda_env.yaml /code/polyaxon_conda_env.yaml
COPY polyaxon_setup.sh /code/polyaxon_setup.sh
RUN chmod +x /code/polyaxon_setup.sh
COPY . /code
