FROM python:3.11
ENV SHELL=/bin/bash
WORKDIR /code
COPY requirements.txt /code/requirements.txt
COPY conda_env.yml /code/conda_env.yml
COPY setup.sh /code/setup.sh
RUN chmod +x /code/setup.sh
RUN ./setup.sh
COPY . /code
