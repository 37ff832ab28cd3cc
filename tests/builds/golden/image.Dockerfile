FROM python:3.11
ENV SHELL=/bin/bash
WORKDIR /code
COPY . /code
