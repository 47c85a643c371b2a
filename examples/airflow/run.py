"""run.py [ORGANISATION…]: one run of the DAG in this process; those that failed stand in failed.txt."""

import sys
from pathlib import Path

sys.path.insert(0, "dags")
from bigin import ORGANISATIONS, run

names = sys.argv[1:] or ORGANISATIONS
finished = run.test(run_conf={"organisations": names})
tasks = [each for each in finished.get_task_instances() if each.task_id == "load"]
failed = [names[each.map_index] for each in tasks if each.state != "success"]
Path("failed.txt").write_text("\n".join(failed))
print(f"{finished.state}; failed: {failed}")
sys.exit(finished.state != "success")  # test() itself ends with 0 whatever became of the run
