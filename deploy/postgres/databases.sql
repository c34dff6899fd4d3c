-- One database for each service (deploy/topology.py); each service migrates its own.
CREATE DATABASE gateway;
CREATE DATABASE indicators;
CREATE DATABASE credit;
CREATE DATABASE traceability;
