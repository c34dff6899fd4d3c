from services.credit.tables import METADATA
from shared.db.migrate import run_env

run_env(METADATA)
